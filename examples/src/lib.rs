//! The services are in this folder's `[[example]]` targets; see `backend/main.rs`.
