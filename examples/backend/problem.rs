//! The answer to a request that fails: a status, and `{"error": ".."}`.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::analyst::AnalystError;
use crate::analyst::model::ModelError;
use crate::error::reason;
use crate::terminal::one_line;

#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.message }))).into_response()
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no database connection is free: try again")
            }
            error => Self::new(StatusCode::INTERNAL_SERVER_ERROR, one_line(&reason(&error))),
        }
    }
}

impl From<AnalystError> for ApiError {
    fn from(error: AnalystError) -> Self {
        match error {
            AnalystError::Database(error) => error.into(),
            AnalystError::Model(ModelError::Budget(_)) => Self::new(StatusCode::PAYMENT_REQUIRED, error.to_string()),
            AnalystError::NoFinding(_) => Self::timeout(error.to_string()),
            AnalystError::Model(_) | AnalystError::NoAnswer => Self::new(StatusCode::BAD_GATEWAY, error.to_string()),
            AnalystError::UnknownQuestion | AnalystError::TooFewPoints(..) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}
