//! Refusals that many routes share, as the description of the API shows them: `responses((status = 200, …), NotFound)`.

use std::collections::BTreeMap;

use api_types::problem::Problem;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

/// 404.
pub struct NotFound;

/// 422: `errors` names the wrong fields.
pub struct Invalid;

impl IntoResponses for NotFound {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([("404".to_owned(), problem(""))])
    }
}

impl IntoResponses for Invalid {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([("422".to_owned(), problem(""))])
    }
}

/// A refusal whose body is a [`Problem`].
pub fn problem(description: &str) -> RefOr<Response> {
    let body = Content::new(Some(Ref::from_schema_name(Problem::name())));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", body)
        .into()
}
