//! The ECR repository, and which images it has.

use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier, ImageTagMutability, Repository, Tag};

use super::{
    super::{
        super::{
            clients::Clients,
            names::Scope,
            spec::{Repository as RepositorySpec, Thing},
        },
        answer::{Read, tags, unless_missing},
        document,
    },
    thing,
};
use crate::targets::aws::SeenThing;

const GONE: [&str; 2] = ["RepositoryNotFoundException", "LifecyclePolicyNotFoundException"];

/// The repository. Its ARN follows from its name, so everything is asked at once.
pub async fn repository(clients: &Clients, scope: &Scope, name: &str) -> Read<Option<SeenThing>> {
    let ecr = &clients.ecr;
    let what = format!("cannot read the repository {name}");
    let arn = scope.arn("ecr", &format!("repository/{name}"));
    let (found, policy, tagged) = tokio::join!(
        ecr.describe_repositories().repository_names(name).send(),
        ecr.get_lifecycle_policy().repository_name(name).send(),
        ecr.list_tags_for_resource().resource_arn(&arn).send(),
    );
    let found = unless_missing(&what, &GONE, found)?;
    let Some(found) = found.and_then(|found| found.repositories?.into_iter().next()) else {
        return Ok(None);
    };
    let policy = unless_missing(&what, &GONE, policy)?;
    let policy = policy.and_then(|policy| policy.lifecycle_policy_text);
    let tagged = unless_missing(&what, &GONE, tagged)?.and_then(|found| found.tags);
    Ok(Some(seen(scope, found, policy.as_deref(), tagged.unwrap_or_default())))
}

fn seen(scope: &Scope, found: Repository, policy: Option<&str>, tagged: Vec<Tag>) -> SeenThing {
    let spec = RepositorySpec {
        name: found.repository_name.unwrap_or_default(),
        immutable: found.image_tag_mutability == Some(ImageTagMutability::Immutable),
        lifecycle: policy.map(document::canonical),
    };
    let tagged = tags(tagged.into_iter().map(|tag| (tag.key, tag.value)));
    thing(scope, Thing::Repository(spec), found.repository_arn, &tagged)
}

/// The images of these tags or digests that the repository has.
pub async fn images(
    clients: &Clients,
    repository: &str,
    ids: Vec<ImageIdentifier>,
) -> Read<Vec<ImageDetail>> {
    const NONE: [&str; 2] = ["ImageNotFoundException", "RepositoryNotFoundException"];
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = clients.ecr.describe_images().repository_name(repository);
    let found = request.set_image_ids(Some(ids)).send().await;
    let what = format!("cannot read the images of {repository}");
    let found = unless_missing(&what, &NONE, found)?;
    Ok(found.and_then(|found| found.image_details).unwrap_or_default())
}

/// The digest of the image of this tag.
pub async fn digest(clients: &Clients, repository: &str, tag: &str) -> Read<Option<String>> {
    let id = ImageIdentifier::builder().image_tag(tag).build();
    let found = images(clients, repository, vec![id]).await?;
    Ok(found.into_iter().find_map(|image| image.image_digest))
}

/// A tag of the image of this digest.
pub async fn tag(clients: &Clients, repository: &str, digest: &str) -> Read<Option<String>> {
    let id = ImageIdentifier::builder().image_digest(digest).build();
    let found = images(clients, repository, vec![id]).await?;
    Ok(found.into_iter().find_map(|image| image.image_tags?.into_iter().next()))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::scope, *};

    #[test]
    fn the_lifecycle_policy_is_compared_by_its_content() {
        let found = Repository::builder()
            .repository_name("mizan/board/production")
            .repository_arn("arn:aws:ecr:eu-west-1:123456789012:repository/mizan/board/production")
            .image_tag_mutability(ImageTagMutability::Mutable)
            .build();
        let seen = seen(&scope(), found, Some("{\"b\": 1, \"a\": {}}"), Vec::new());
        assert!(!seen.ours, "it has no tags");
        let Thing::Repository(spec) = seen.thing else { panic!("{seen:?}") };
        assert_eq!(spec.lifecycle.as_deref(), Some(r#"{"a":{},"b":1}"#));
        assert!(!spec.immutable);
    }
}
