//! Routes: which URLs of a zone a Worker answers. One is added, changed or removed at a time; the
//! list as a whole is never written, since others have routes in the same zone.

use cloudflare::framework::endpoint::Method;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    Cloudflare, Permission,
    endpoint::{Call, segment},
    failure::Failure,
};
use crate::error::Result;

/// "workers.api.error.duplicate_route".
const DUPLICATE: u32 = 10020;
/// "workers.api.error.route_not_found".
const NO_SUCH_ROUTE: u32 = 10009;

const NEEDS: &[Permission] = &[Permission::WorkersRoutesEdit];

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Route {
    /// Its id within the zone.
    pub id: String,
    /// Host and path, with `*` at their ends: `example.com/api/*`.
    pub pattern: String,
    /// The Worker; with `None` no Worker answers there.
    #[serde(default)]
    pub script: Option<String>,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    pattern: &'a str,
    script: &'a str,
}

/// What the answer to a change is sure to have.
#[derive(Debug, Deserialize)]
struct Changed {
    id: String,
}

impl Cloudflare {
    /// The routes of a zone, whoever's they are.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn routes(&self, zone_id: &str) -> Result<Vec<Route>> {
        self.seen_routes(zone_id)
            .await
            .map_err(|failure| failure.told(format!("cannot list the routes of zone {zone_id}")))
    }

    async fn seen_routes(&self, zone_id: &str) -> Result<Vec<Route>, Failure> {
        self.call(Call::new(Method::GET, path(zone_id), NEEDS)).await
    }

    /// Adds a route. One that is there already and says the same is as good.
    ///
    /// # Errors
    /// The pattern has a route to another Worker; or Cloudflare refuses, or cannot be reached.
    pub async fn create_route(&self, zone_id: &str, pattern: &str, script: &str) -> Result<Route> {
        let call: Call<Changed> =
            Call::new(Method::POST, path(zone_id), NEEDS).json(&Body { pattern, script });
        let failure = match self.call(call).await {
            Ok(Changed { id }) => return Ok(route(id, pattern, script)),
            Err(failure) => failure,
        };
        if failure.is_doubtful() || failure.is_any(&[DUPLICATE]) {
            let there = self.seen_routes(zone_id).await.unwrap_or_default();
            let same =
                |route: &Route| route.pattern == pattern && route.script.as_deref() == Some(script);
            if let Some(route) = there.into_iter().find(same) {
                return Ok(route);
            }
        }
        let is_taken = failure.is_any(&[DUPLICATE]);
        let error = failure.told(format!("cannot create the route {pattern} to {script}"));
        Err(match is_taken {
            true => error.hint(
                "this pattern has a route to another Worker: remove it, or choose another pattern",
            ),
            false => error,
        })
    }

    /// Changes pattern and Worker of a route.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn update_route(
        &self,
        zone_id: &str,
        id: &str,
        pattern: &str,
        script: &str,
    ) -> Result<Route> {
        let path = format!("{}/{}", path(zone_id), segment(id));
        let call: Call<IgnoredAny> =
            Call::new(Method::PUT, path, NEEDS).json(&Body { pattern, script });
        match self.call(call).await {
            Ok(_) => Ok(route(id.to_owned(), pattern, script)),
            Err(failure) => {
                Err(failure.told(format!("cannot change the route {pattern} to {script}")))
            }
        }
    }

    /// Removes a route; false if it was not there.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn delete_route(&self, zone_id: &str, id: &str) -> Result<bool> {
        let path = format!("{}/{}", path(zone_id), segment(id));
        match self.call::<IgnoredAny>(Call::new(Method::DELETE, path, NEEDS)).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_absent(&[NO_SUCH_ROUTE]) => Ok(false),
            Err(failure) => Err(failure.told(format!("cannot remove the route {id}"))),
        }
    }
}

fn route(id: String, pattern: &str, script: &str) -> Route {
    Route { id, pattern: pattern.to_owned(), script: Some(script.to_owned()) }
}

fn path(zone_id: &str) -> String {
    format!("zones/{}/workers/routes", segment(zone_id))
}
