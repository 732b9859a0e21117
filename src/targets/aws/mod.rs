//! ECS on Fargate.

pub mod api;
