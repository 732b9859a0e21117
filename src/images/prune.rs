//! Removes what earlier builds left on the engine: our own images of one app beyond those to keep.
//! Nothing of anyone else is touched.

use std::collections::{BTreeSet, HashMap};

use bollard::{
    Docker,
    models::{ContainerSummary, ImageSummary},
    query_parameters::{
        ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions,
    },
};

use super::{
    build::{APP_LABEL, ImageId},
    source::repository,
};
use crate::{
    docker::is_missing,
    error::{Context as _, Error, ErrorKind, Result},
    model::AppName,
};

/// What pruning did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The images that are gone, by name, or by id if they had none.
    pub removed: Vec<String>,
    /// The images that stay because a container uses them.
    pub in_use: Vec<String>,
}

/// Removes our images of this app, but for those to keep and those that a container uses.
pub async fn prune(docker: &Docker, app: &AppName, keep: &[ImageId]) -> Result<Pruned> {
    let used = used_images(docker).await?;
    let mut pruned = Pruned::default();
    for image in our_images(docker, app).await? {
        if keep.iter().any(|kept| kept.0 == image.id) {
            continue;
        }
        let names = our_names(app, &image);
        if used.contains(&image.id) {
            pruned.in_use.extend(names);
            continue;
        }
        for name in names {
            match remove(docker, &name).await? {
                Removal::Done => pruned.removed.push(name),
                Removal::InUse => pruned.in_use.push(name),
            }
        }
    }
    Ok(pruned)
}

enum Removal {
    Done,
    InUse,
}

/// How often a removal is tried that met another one of the same image.
const ATTEMPTS: usize = 5;

async fn remove(docker: &Docker, name: &str) -> Result<Removal> {
    let try_once = || docker.remove_image(name, None::<RemoveImageOptions>, None);
    let mut tried = try_once().await;
    for _ in 1..ATTEMPTS {
        match &tried {
            Err(error) if lost_a_race(error) => tried = try_once().await,
            _ => break,
        }
    }
    match tried {
        Ok(_) => Ok(Removal::Done),
        // Somebody else was faster.
        Err(error) if is_missing(&error) => Ok(Removal::Done),
        // A container was made of it just now, or another image builds on it.
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 409, .. }) => {
            Ok(Removal::InUse)
        }
        Err(error) => Err(Error::failed(format!("cannot remove the image {name}")).because(&error)),
    }
}

/// The engine looked the image up, and then it was gone: another removal, by its tag or by its id,
/// was faster. Asked again, the engine knows.
fn lost_a_race(error: &bollard::errors::Error) -> bool {
    let bollard::errors::Error::DockerResponseServerError { status_code: 500, message } = error
    else {
        return false;
    };
    message.contains("unrecognized image ID")
}

pub(super) async fn our_images(docker: &Docker, app: &AppName) -> Result<Vec<ImageSummary>> {
    let label = format!("{APP_LABEL}={app}");
    let filters = HashMap::from([("label".to_owned(), vec![label])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    docker
        .list_images(Some(options))
        .await
        .context(ErrorKind::Unavailable, || "the engine does not list its images".into())
}

/// The names under which we know the image: our tags, or its id if it has no tag at all. A tag
/// that somebody else gave it keeps it.
fn our_names(app: &AppName, image: &ImageSummary) -> Vec<String> {
    let prefix = format!("{}:", repository(app));
    let tags: Vec<_> = image.repo_tags.iter().filter(|tag| *tag != "<none>:<none>").collect();
    if tags.is_empty() {
        return vec![image.id.clone()];
    }
    tags.into_iter().filter(|tag| tag.starts_with(&prefix)).cloned().collect()
}

async fn containers(
    docker: &Docker,
    filters: HashMap<String, Vec<String>>,
) -> Result<Vec<ContainerSummary>> {
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    docker
        .list_containers(Some(options))
        .await
        .context(ErrorKind::Unavailable, || "the engine does not list its containers".into())
}

/// The images of all containers, running or not: a stopped one may be started again.
async fn used_images(docker: &Docker) -> Result<BTreeSet<String>> {
    let containers = containers(docker, HashMap::new()).await?;
    Ok(containers.into_iter().filter_map(|container| container.image_id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_tags_of_this_app_are_names_to_remove() {
        let app = AppName::new("board").expect("valid name");
        let names = |tags: &[&str]| {
            let repo_tags = tags.iter().map(|&tag| tag.to_owned()).collect();
            let image = ImageSummary { id: "sha256:1".into(), repo_tags, ..Default::default() };
            our_names(&app, &image)
        };
        assert_eq!(names(&["mizan/board:aa", "keep:1", "mizan/board2:aa"]), ["mizan/board:aa"]);
        assert_eq!(names(&["keep:1"]), Vec::<String>::new());
        assert_eq!(names(&[]), ["sha256:1"]);
        assert_eq!(names(&["<none>:<none>"]), ["sha256:1"]);
    }
}
