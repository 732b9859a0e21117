//! Which Azure it is: the addresses of sign-in and Resource Manager, which differ between the public
//! cloud and the sovereign ones.

use super::credentials::Variables;

/// Where tokens come from; Azure's own SDKs read the same variable.
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
/// Where Resource Manager is.
const ENDPOINT: &str = "AZURE_RESOURCE_MANAGER_ENDPOINT";

/// The addresses of one Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// Where tokens come from, without a slash at its end.
    pub authority: String,
    /// Where Resource Manager is, without a slash at its end.
    pub endpoint: String,
}

impl Cloud {
    /// The public one, unless variables name another.
    pub fn named(variables: Variables<'_>) -> Self {
        let named = |name: &str, usual: &str| {
            let named = variables(name);
            named.as_deref().unwrap_or(usual).trim_end_matches('/').to_owned()
        };
        Self {
            authority: named(AUTHORITY, "https://login.microsoftonline.com"),
            endpoint: named(ENDPOINT, "https://management.azure.com"),
        }
    }

    /// Whom tokens for Resource Manager are for.
    /// (<https://learn.microsoft.com/azure/developer/python/sdk/authentication/sovereign-domain>)
    pub fn management(&self) -> &'static str {
        let is = |part: &str| self.authority.contains(part) || self.endpoint.contains(part);
        if is("chinacloudapi.cn") || is("chinacloud") {
            "https://management.chinacloudapi.cn"
        } else if is("usgovcloudapi") || is("microsoftonline.us") {
            "https://management.usgovcloudapi.net"
        } else {
            "https://management.azure.com"
        }
    }

    /// Whom tokens for key vaults are for.
    pub fn vault(&self) -> &'static str {
        match self.management() {
            "https://management.chinacloudapi.cn" => "https://vault.azure.cn",
            "https://management.usgovcloudapi.net" => "https://vault.usgovcloudapi.net",
            _ => "https://vault.azure.net",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_audiences_of_its_own() {
        let cloud = |authority: &str| Cloud { authority: authority.into(), endpoint: "x".into() };
        let public = cloud("https://login.microsoftonline.com");
        assert_eq!(public.management(), "https://management.azure.com");
        assert_eq!(public.vault(), "https://vault.azure.net");
        assert_eq!(cloud("https://login.chinacloudapi.cn").vault(), "https://vault.azure.cn");
        let government = cloud("https://login.microsoftonline.us");
        assert_eq!(government.management(), "https://management.usgovcloudapi.net");
    }
}
