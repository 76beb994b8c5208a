//! The pages a person looks at, from `assets/`: `/` is `index.html`, `/clock` is `clock.html`, and so on.

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;

use crate::{telegram::files::guess_mime, world::Shared};

/// In the binary of a release; read from disk in a debug build, so that a changed page needs no compiler.
#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

pub fn asset(path: &str) -> Response {
    let Some(file) = Assets::get(path) else {
        return (StatusCode::NOT_FOUND, "there is no such page").into_response();
    };
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    (
        [
            (header::CONTENT_TYPE, guess_mime(extension)),
            (header::CACHE_CONTROL, "no-cache"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        file.data,
    )
        .into_response()
}

async fn page(Path(name): Path<String>) -> Response {
    asset(&format!("{name}.html"))
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(async || asset("index.html")))
        .route("/favicon.ico", get(async || asset("mark.svg")))
        .route("/assets/{*path}", get(async |Path(path): Path<String>| asset(&path)))
        .route("/{name}", get(page))
}
