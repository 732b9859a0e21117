//! The values that go into container groups, and how groups are written.

use std::env;

use futures_util::future::{try_join, try_join_all};

use super::{
    super::{
        group::{Rendering, Values},
        spec::{Container, ServiceSpec},
    },
    InstancesExecutor,
};
use crate::{
    engine::StepContext, error::Result, model::ReleaseId, secret::SecretValue, targets::EnvSpec,
};

/// What a group is made with: everything that has to be asked for.
pub(super) struct Ingredients {
    login_server: String,
    digest: String,
    identity: String,
    values: Values,
}

impl InstancesExecutor {
    /// What a container of an app needs, with the Edge's secret if somebody asks for that.
    pub(super) async fn ingredients(
        &self,
        container: &Container,
        has_sidecar: bool,
        context: &StepContext<'_>,
    ) -> Result<Ingredients> {
        let origin = async {
            match has_sidecar {
                true => Ok(vec![self.origin_secret_value().await?]),
                false => Ok(Vec::new()),
            }
        };
        let digest = self.image_digest(&container.image, context);
        let ((mut values, origin), digest) =
            try_join(try_join(self.values(container), origin), digest).await?;
        values.origin = origin;
        Ok(Ingredients {
            login_server: self.login_server().await?.to_owned(),
            digest,
            identity: self.scope.identity_path(&container.identity),
            values,
        })
    }

    pub(super) fn rendering<'a>(
        &'a self,
        group: &'a str,
        release: ReleaseId,
        ingredients: &'a Ingredients,
    ) -> Rendering<'a> {
        Rendering {
            scope: &self.scope,
            group,
            release,
            login_server: &ingredients.login_server,
            digest: &ingredients.digest,
            identity: &ingredients.identity,
            is_local: self.desired.as_ref().is_some_and(|desired| desired.local.is_some()),
            values: &ingredients.values,
        }
    }

    /// The secret by which the sidecar knows the Edge.
    pub(super) async fn origin_secret_value(&self) -> Result<SecretValue> {
        self.secrets.read().await.value(&self.scope.origin_secret()).await
    }

    async fn values(&self, container: &Container) -> Result<Values> {
        let of = |wanted: fn(&EnvSpec) -> bool| {
            container.env.iter().filter(move |(_, value)| wanted(value))
        };
        let names = of(|value| matches!(value, EnvSpec::Secret { .. })).map(|(name, _)| name);
        let secrets = names.map(async |name| {
            let value = self.secrets.read().await.value(&self.scope.secret(name)).await?;
            Ok::<_, crate::error::Error>((name.clone(), value))
        });
        let callers = container.env.values().filter_map(|value| match value {
            EnvSpec::Caller { from, .. } => Some((from.clone(), env::var(from).ok()?)),
            _ => None,
        });
        Ok(Values {
            caller: callers.collect(),
            secrets: try_join_all(secrets).await?.into_iter().collect(),
            origin: Vec::new(),
        })
    }

    /// A service as it will be, with everything known that the steps before found out.
    pub(super) fn resolved(&self, spec: &ServiceSpec, context: &StepContext<'_>) -> ServiceSpec {
        spec.resolved(&self.scope, &self.found(context))
    }
}
