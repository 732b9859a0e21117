//! Tables of looks and what they mean.
