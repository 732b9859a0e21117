//! Debian packages that Python packages need beside them, as far as their wheels do not bring them.

use super::settings::Settings;
use crate::init::findings::{Packages, System};

/// What a package needs to be built, and to run.
struct Need {
    package: &'static str,
    build: &'static [&'static str],
    run: &'static [&'static str],
}

const NEEDS: [Need; 9] = [
    Need { package: "psycopg2", build: &["gcc", "libc6-dev", "libpq-dev"], run: &["libpq5"] },
    Need {
        package: "mysqlclient",
        build: &["gcc", "libc6-dev", "pkg-config", "default-libmysqlclient-dev"],
        run: &["libmariadb3"],
    },
    Need { package: "python-magic", build: &[], run: &["libmagic1"] },
    Need {
        package: "weasyprint",
        build: &[],
        run: &["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"],
    },
    Need {
        package: "python-ldap",
        build: &["gcc", "libc6-dev", "libldap2-dev", "libsasl2-dev"],
        run: &["libldap-2.5-0"],
    },
    Need {
        package: "xmlsec",
        build: &["gcc", "libc6-dev", "pkg-config", "libxmlsec1-dev"],
        run: &["libxmlsec1-openssl"],
    },
    Need {
        package: "pycairo",
        build: &["gcc", "libc6-dev", "pkg-config", "libcairo2-dev"],
        run: &["libcairo2"],
    },
    Need { package: "uwsgi", build: &["gcc", "libc6-dev"], run: &[] },
    Need { package: "pyodbc", build: &[], run: &["unixodbc"] },
];

/// The Debian packages for what the project asks for.
pub(super) fn packages(packages: &Packages, settings: &Settings) -> System {
    let mut system = System::default();
    for need in NEEDS.iter().filter(|need| packages.has(need.package)) {
        system.build.extend(need.build.iter().map(ToString::to_string));
        system.run.extend(need.run.iter().map(ToString::to_string));
    }
    // psycopg 3 brings the library only in its binary form.
    if let Some(wanted) = packages.direct.get("psycopg")
        && !wanted.extras.iter().any(|extra| extra == "binary")
    {
        system.run.push("libpq5".into());
        if wanted.extras.iter().any(|extra| extra == "c") {
            system.build.extend(["gcc", "libc6-dev", "libpq-dev"].map(str::to_owned));
        }
    }
    if settings.app(&["django.contrib.gis"]).is_some() {
        system.run.extend(["libgdal32", "libgeos-c1v5", "libproj25"].map(str::to_owned));
    }
    for list in [&mut system.build, &mut system.run] {
        list.sort();
        list.dedup();
    }
    system
}
