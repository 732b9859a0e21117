//! The Workers of a world in memory: what the plane's executor would do at Cloudflare.

use mizan::{
    model::App,
    plan::Late,
    workers::cloud::{
        CloudSpec, Domain, Kind, LivePlane, Op, Pick, Place, Recorded, Scripts, SeenDomain,
        SeenPlane, SeenScript,
    },
};

/// Where the Workers of an app are.
pub fn place(app: &App) -> Option<Place> {
    app.edge.as_ref()?;
    let scripts = Scripts { app: app.name.clone(), env: app.env.clone() };
    let domain = app.domain.clone().map(|hostname| Domain {
        hostname,
        zone: "zone-1".into(),
        zone_name: "example.com".into(),
    });
    Some(Place {
        account: "account-1".into(),
        public_url: match &app.domain {
            Some(domain) => format!("https://{domain}"),
            None => format!("https://{}.somebody.workers.dev", scripts.name(Kind::Edge)),
        },
        domain,
    })
}

/// Does what an operation asks for, where this is desired.
pub fn execute(seen: &mut SeenPlane, op: &Op, spec: Option<&CloudSpec>) {
    let Some(spec) = spec else {
        return remove(seen, op);
    };
    match op {
        Op::PutHub { .. } => {
            let Late::Known(origin) = &spec.origin else { panic!("no origin: {:?}", spec.origin) };
            let hub = script(seen, Kind::Hub);
            hub.vars.insert("ORIGIN".into(), origin.clone());
        }
        Op::UploadRender { release } => upload(seen, Kind::Render, format!("render of {release}")),
        Op::UploadEdge { release } => {
            upload(seen, Kind::Edge, format!("edge of {release}"));
            seen.previews = true;
        }
        Op::StageRender { .. } | Op::Probe { .. } => {}
        Op::Switch { edge, render, release } => {
            pick(seen, Kind::Edge, edge, format!("edge of {release}"));
            pick(seen, Kind::Render, render, format!("render of {release}"));
        }
        Op::PutDomain { hostname, .. } => seen.domains.push(SeenDomain {
            id: format!("id of {hostname}"),
            hostname: hostname.clone(),
            service: spec.scripts.name(Kind::Edge),
        }),
        Op::PutSubdomain { enabled } => (seen.on_subdomain, seen.previews) = (*enabled, true),
        Op::DeleteDomain { .. } | Op::DeleteScript { .. } => remove(seen, op),
    }
}

fn remove(seen: &mut SeenPlane, op: &Op) {
    match op {
        Op::DeleteDomain { hostname } => seen.domains.retain(|it| it.hostname != *hostname),
        Op::DeleteScript { kind } => {
            seen.scripts.remove(kind);
            if *kind == Kind::Edge {
                (seen.on_subdomain, seen.previews) = (false, false);
            }
        }
        Op::PutSubdomain { enabled } => (seen.on_subdomain, seen.previews) = (*enabled, true),
        other => panic!("nothing is desired, and yet: {other:?}"),
    }
}

fn script(seen: &mut SeenPlane, kind: Kind) -> &mut SeenScript {
    seen.scripts.entry(kind).or_insert_with(|| SeenScript { ours: true, ..SeenScript::default() })
}

/// Only a new script's first version takes requests at once.
fn upload(seen: &mut SeenPlane, kind: Kind, version: String) {
    script(seen, kind).version.get_or_insert(version);
}

/// A version of Render that was not uploaded is the one that was there.
fn pick(seen: &mut SeenPlane, kind: Kind, pick: &Pick, uploaded: String) {
    match pick {
        Pick::Untouched => {}
        Pick::Version(version) => script(seen, kind).version = Some(version.clone()),
        Pick::Uploaded => script(seen, kind).version = Some(uploaded),
    }
}

/// What a release records of them.
pub fn recorded(seen: Option<&SeenPlane>, spec: Option<&CloudSpec>) -> Option<LivePlane> {
    let (spec, seen) = (spec.cloned()?, seen?);
    let version = |kind| seen.version(kind).map(str::to_owned);
    let recorded = Recorded {
        edge: version(Kind::Edge),
        render: version(Kind::Render).filter(|_| spec.config.render),
        ..Recorded::default()
    };
    Some(LivePlane { spec, recorded })
}
