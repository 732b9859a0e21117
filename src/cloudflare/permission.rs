//! What a token must be allowed to do, in the words of the page where tokens are made.

/// A permission of a token.
/// <https://developers.cloudflare.com/fundamentals/api/reference/permissions/>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Sees which accounts there are.
    AccountSettingsRead,
    /// Uploads, deploys and deletes Workers, and everything that belongs to them.
    WorkersScriptsEdit,
    /// Reads the live log of a Worker.
    WorkersTailRead,
    /// Attaches Workers to routes and domains of a zone.
    WorkersRoutesEdit,
    /// Finds a zone.
    ZoneRead,
    /// Changes the DNS records of a zone.
    DnsEdit,
}

impl Permission {
    /// Its name, as Cloudflare writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountSettingsRead => "Account Settings Read",
            Self::WorkersScriptsEdit => "Workers Scripts Edit",
            Self::WorkersTailRead => "Workers Tail Read",
            Self::WorkersRoutesEdit => "Workers Routes Edit",
            Self::ZoneRead => "Zone Read",
            Self::DnsEdit => "DNS Edit",
        }
    }

    /// True if it is given for a zone, not for an account.
    pub const fn is_of_zone(self) -> bool {
        matches!(self, Self::WorkersRoutesEdit | Self::ZoneRead | Self::DnsEdit)
    }
}

/// "the permissions Workers Scripts Edit for the account and Workers Routes Edit for the zone".
pub(super) fn in_words(needed: &[Permission]) -> String {
    let (zone, account): (Vec<_>, Vec<_>) = needed.iter().partition(|it| it.is_of_zone());
    let told: Vec<_> = [(account, "account"), (zone, "zone")]
        .into_iter()
        .filter(|(permissions, _)| !permissions.is_empty())
        .map(|(permissions, place)| {
            let names: Vec<_> = permissions.into_iter().map(|it: &Permission| it.name()).collect();
            format!("{} for the {place}", names.join(" and "))
        })
        .collect();
    let noun = if needed.len() == 1 { "permission" } else { "permissions" };
    format!("the {noun} {}", told.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_told_by_place() {
        assert_eq!(in_words(&[Permission::ZoneRead]), "the permission Zone Read for the zone");
        assert_eq!(
            in_words(&[
                Permission::WorkersRoutesEdit,
                Permission::WorkersScriptsEdit,
                Permission::ZoneRead,
            ]),
            "the permissions Workers Scripts Edit for the account and Workers Routes Edit and \
             Zone Read for the zone"
        );
    }
}
