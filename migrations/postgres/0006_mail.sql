-- Letters, and the way of a buyer of the site into the bot.

-- Only a hash of a link's token is kept: the token is made of the order and `number` under the master key.
CREATE TABLE bot_links (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    order_id TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    number BIGINT NOT NULL,
    token_hash TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    used_at_ms BIGINT,
    -- The chat that used it: for that one it goes on working, for nobody else.
    used_by TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, order_id, number),
    UNIQUE (tenant_id, token_hash)
);

-- A client who turned out to be another one: what they had belongs to that one, the row stays for the books.
CREATE TABLE client_merges (
    client_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES clients (id),
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    into_client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    at_ms BIGINT NOT NULL
);
CREATE INDEX client_merges_by_survivor ON client_merges (tenant_id, into_client_id);

-- The letters of an order: whoever asks for another one waits a little.
CREATE INDEX outbox_letters ON outbox (tenant_id, address, seq) WHERE channel = 'email';
