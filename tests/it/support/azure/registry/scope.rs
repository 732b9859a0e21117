//! Which scope a request to a registry needs, as tokens write it.

use hyper::Method;

/// What a request does to which repository; `None` if any token will do.
pub fn needed(method: &Method, path: &str) -> Option<(String, &'static str)> {
    let rest = path.strip_prefix("/v2/")?;
    if rest == "_catalog" {
        return Some(("registry:catalog".to_owned(), "*"));
    }
    let end = ["/manifests/", "/blobs/", "/tags/"].iter().filter_map(|it| rest.rfind(it)).min()?;
    let action = match *method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE if !rest[end..].starts_with("/blobs/uploads/") => "delete",
        _ => "push",
    };
    Some((format!("repository:{}", &rest[..end]), action))
}

/// Whether one of these scopes, such as `repository:app:pull,push`, is what a request needs.
pub fn opens(scopes: &[String], resource: &str, action: &str) -> bool {
    scopes.iter().any(|scope| {
        let actions = scope.strip_prefix(resource).and_then(|rest| rest.strip_prefix(':'));
        actions.is_some_and(|actions| actions.split(',').any(|it| it == action || it == "*"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_need_what_they_do() {
        let of = |method, path| {
            needed(&method, path).map(|(resource, action)| format!("{resource}:{action}"))
        };
        assert_eq!(of(Method::GET, "/v2/"), None);
        assert_eq!(of(Method::HEAD, "/v2/a/b/manifests/1").unwrap(), "repository:a/b:pull");
        assert_eq!(of(Method::GET, "/v2/app/tags/list").unwrap(), "repository:app:pull");
        assert_eq!(of(Method::POST, "/v2/app/blobs/uploads/").unwrap(), "repository:app:push");
        assert_eq!(of(Method::DELETE, "/v2/app/blobs/uploads/1").unwrap(), "repository:app:push");
        assert_eq!(of(Method::DELETE, "/v2/app/manifests/x").unwrap(), "repository:app:delete");
        assert_eq!(of(Method::GET, "/v2/_catalog").unwrap(), "registry:catalog:*");
    }

    #[test]
    fn a_scope_opens_what_it_names() {
        let scopes = ["repository:app:pull,push".to_owned()];
        assert!(opens(&scopes, "repository:app", "push"));
        assert!(!opens(&scopes, "repository:app", "delete"));
        assert!(!opens(&scopes, "repository:ap", "push"));
        assert!(!opens(&scopes, "repository:app/web", "push"));
    }
}
