-- Approval of programmes, versions of the template tables, the record of the wording.

-- Every good state of the template tables is a numbered version; one of them is in force, at most one waits for a decision.
ALTER TABLE template_snapshots ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE template_snapshots ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT 'used';
ALTER TABLE template_snapshots ADD COLUMN author TEXT COLLATE "C" NOT NULL DEFAULT 'system';
ALTER TABLE template_snapshots ADD COLUMN decided_by TEXT COLLATE "C";
ALTER TABLE template_snapshots ADD COLUMN decided_at_ms BIGINT;
ALTER TABLE template_snapshots ADD COLUMN in_force_since_ms BIGINT;
UPDATE template_snapshots SET number = (
    SELECT COUNT(*) FROM template_snapshots AS older
    WHERE older.tenant_id = template_snapshots.tenant_id
        AND (older.taken_at_ms < template_snapshots.taken_at_ms
            OR (older.taken_at_ms = template_snapshots.taken_at_ms AND older.id <= template_snapshots.id))
);
UPDATE template_snapshots SET in_force_since_ms = taken_at_ms WHERE number = (
    SELECT MAX(newest.number) FROM template_snapshots AS newest WHERE newest.tenant_id = template_snapshots.tenant_id
);
CREATE UNIQUE INDEX template_snapshots_by_number ON template_snapshots (tenant_id, number);
CREATE UNIQUE INDEX template_snapshots_in_force ON template_snapshots (tenant_id) WHERE in_force_since_ms IS NOT NULL;
CREATE UNIQUE INDEX template_snapshots_pending ON template_snapshots (tenant_id) WHERE state = 'pending';
-- Whether a version is still referred to is asked before it is forgotten.
CREATE INDEX training_programs_by_template ON training_programs (tenant_id, template_hash);

-- What the last look at the sheet showed: a change is told from what was seen before, trouble is told once.
CREATE TABLE template_sheets (
    tenant_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES tenants (id),
    looked_at_ms BIGINT NOT NULL,
    content_hash TEXT COLLATE "C",
    well_at_ms BIGINT,
    trouble TEXT COLLATE "C",
    trouble_since_ms BIGINT,
    told_at_ms BIGINT
);

-- Approval: a version may come from another one, and awaits a decision until `approve_by_ms`. What was asked for is sealed,
-- because a note holds the trainer's own words. `successor_id` is the version being made in place of one that waits: set
-- once, it keeps a second decision away.
ALTER TABLE training_programs ADD COLUMN parent_id TEXT COLLATE "C" REFERENCES training_programs (id);
ALTER TABLE training_programs ADD COLUMN revision_sealed BYTEA;
ALTER TABLE training_programs ADD COLUMN successor_id TEXT COLLATE "C";
ALTER TABLE training_programs ADD COLUMN approve_by_ms BIGINT;
ALTER TABLE training_programs ADD COLUMN decided_by TEXT COLLATE "C";
ALTER TABLE training_programs ADD COLUMN decided_at_ms BIGINT;
ALTER TABLE training_programs ADD COLUMN phone_file_id TEXT COLLATE "C" REFERENCES files (id);
ALTER TABLE training_programs ADD COLUMN batch_id TEXT COLLATE "C";
CREATE INDEX training_programs_by_batch ON training_programs (tenant_id, batch_id, status) WHERE batch_id IS NOT NULL;
-- A failed version gives its place back by this.
CREATE INDEX training_programs_by_successor ON training_programs (tenant_id, successor_id) WHERE successor_id IS NOT NULL;
-- The cards of a version in trainers' chats are found by this when they have to change.
CREATE INDEX outbox_by_program ON outbox (tenant_id, program_id) WHERE program_id IS NOT NULL;

-- Which exercises a version uses: whoever has a withdrawn one is found without opening every programme.
CREATE TABLE program_exercises (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    exercise_id TEXT COLLATE "C" NOT NULL,
    program_id TEXT COLLATE "C" NOT NULL REFERENCES training_programs (id),
    PRIMARY KEY (tenant_id, exercise_id, program_id)
);
CREATE INDEX program_exercises_by_program ON program_exercises (program_id);

-- A regeneration for everybody who has a withdrawn exercise.
CREATE TABLE program_batches (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    exercise_id TEXT COLLATE "C" NOT NULL,
    total BIGINT NOT NULL,
    started_by TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    ordered_at_ms BIGINT
);
CREATE INDEX program_batches_by_tenant ON program_batches (tenant_id, id);

-- Every question to a language model, answered or not: it was paid for. What was said is sealed with the version.
CREATE TABLE wording_calls (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    program_id TEXT COLLATE "C" REFERENCES training_programs (id),
    purpose TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    error TEXT COLLATE "C",
    requests BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    answer_tokens BIGINT NOT NULL,
    cost_micros BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    duration_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX wording_calls_by_month ON wording_calls (tenant_id, month);
-- The price of one version is looked up by this.
CREATE INDEX wording_calls_by_program ON wording_calls (program_id) WHERE program_id IS NOT NULL;
