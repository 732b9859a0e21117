//! HTTPS of an origin: the certificate is asked for, its proof set in the zone, waited for, seen,
//! and given back; against stand-ins for Certificate Manager and Cloudflare that take their time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use mizan::{
    cloudflare::{Cloudflare, Retries},
    engine::{Clock, Event, Executor, Outputs, Sleep, StepContext, StepOutput},
    error::{Error, Result},
    http::Http,
    ledger::Ledger,
    model::{AppName, EnvName},
    plan::{Change, ResourceId, Seen, Step, Undo},
    secret::SecretValue,
    targets::aws::{
        AwsExecutor, Clients, Observed, Op, Scope, SeenThing,
        observe::dns::{Found, Wanted, observe_certificates, observe_records},
        spec::{Certificate, DnsRecord, Thing},
    },
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::{
    acm::Acm,
    cloudflare::{Cloudflare as Zone, TOKEN},
};

const DOMAIN: &str = "origin.board.example.org";
const BALANCER: &str = "mizan-board-production";
const ADDRESS: &str = "mizan-board-production-1.eu-west-1.elb.amazonaws.com";

/// A clock that runs a hundred times as fast: no test waits for minutes.
struct Fast(Instant);

impl Clock for Fast {
    fn now(&self) -> Duration {
        self.0.elapsed() * 100
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration / 100))
    }
}

/// The two services, and the environment that is deployed to them.
struct World {
    zone: Arc<Zone>,
    acm: Acm,
    executor: AwsExecutor,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let zone = Arc::new(Zone::start());
        zone.add_zone("example.org");
        let acm = Acm::start(Arc::clone(&zone));
        let folder = tempfile::tempdir().unwrap();
        let token = SecretValue::new(TOKEN.to_owned());
        let cloudflare =
            Cloudflare::new(Http::new().unwrap(), &zone.base_url(), token, Retries::default());
        let executor = AwsExecutor {
            returning: None,
            lock_removed: Default::default(),
            registering: Default::default(),
            clients: clients(&acm.url()).await,
            scope: scope(),
            desired: None,
            observed: Observed::default(),
            ledger: Ledger::local(folder.path()).unwrap(),
            source: None,
            artifacts: folder.path().to_owned(),
            clock: Box::new(Fast(Instant::now())),
            cloudflare: Some(cloudflare),
        };
        Self { zone, acm, executor, _folder: folder }
    }

    async fn put(&self, thing: Thing, outputs: &Outputs) -> Result<StepOutput> {
        self.apply(thing.id(), Op::Put { thing }, outputs).await
    }

    async fn delete(&self, thing: Thing) -> Result<StepOutput> {
        self.apply(thing.id(), Op::Delete { thing }, &Outputs::new()).await
    }

    async fn apply(&self, resource: ResourceId, op: Op, outputs: &Outputs) -> Result<StepOutput> {
        let step = Step {
            id: resource.step_id(),
            resource,
            change: Change::Create { fields: Vec::new() },
            needs: Vec::new(),
            op,
            undo: Undo::Delete,
            after_commit: false,
        };
        let quiet = |_: Event| {};
        let context = StepContext {
            id: step.id.clone(),
            outputs: outputs.clone(),
            cancel: CancellationToken::new(),
            events: &quiet,
        };
        self.executor.apply(&step, &context).await
    }

    /// Certificate, proof and origin, in the order of a plan.
    async fn deploy(&self) -> Result<Outputs> {
        let mut outputs = Outputs::from([(
            ResourceId::new("load-balancer", BALANCER).step_id(),
            StepOutput::from([("dns".to_owned(), ADDRESS.to_owned())]),
        )]);
        for thing in [certificate(), proof(), origin()] {
            let output = self.put(thing.clone(), &outputs).await?;
            outputs.insert(thing.id().step_id(), output);
        }
        Ok(outputs)
    }

    async fn look(&self, records: &[DnsRecord]) -> (Found, Found) {
        let (scope, acm) = (&self.executor.scope, &self.executor.clients.acm);
        let domains = BTreeSet::from([DOMAIN.to_owned()]);
        let certificates = observe_certificates(acm, scope, &domains).await;
        let balancers = BTreeMap::from([(ADDRESS.to_owned(), BALANCER.to_owned())]);
        let wanted = Wanted { records, certificates: &certificates, balancers: &balancers };
        let found = observe_records(self.executor.cloudflare.as_ref(), scope, wanted).await;
        (certificates, found)
    }
}

async fn clients(acm: &str) -> Clients {
    let clients = Clients::new("eu-west-1").await.unwrap();
    let credentials = aws_sdk_acm::config::Credentials::new("test", "test", None, None, "test");
    let config = aws_sdk_acm::config::Builder::from(&clients.config)
        .endpoint_url(acm)
        .credentials_provider(credentials)
        .build();
    Clients { acm: aws_sdk_acm::Client::from_conf(config), ..clients }
}

fn scope() -> Scope {
    Scope {
        account: "123456789012".into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        app: AppName::new("board").unwrap(),
        env: EnvName::new("production").unwrap(),
    }
}

fn certificate() -> Thing {
    Thing::Certificate(Certificate { domain: DOMAIN.into() })
}

fn proof() -> Thing {
    Thing::DnsRecord(DnsRecord::Validation { domain: DOMAIN.into() })
}

fn origin() -> Thing {
    Thing::DnsRecord(DnsRecord::Origin { name: DOMAIN.into(), balancer: BALANCER.into() })
}

fn records() -> Vec<DnsRecord> {
    vec![
        DnsRecord::Validation { domain: DOMAIN.into() },
        DnsRecord::Origin { name: DOMAIN.into(), balancer: BALANCER.into() },
    ]
}

fn seen<'a>(found: &'a Found, thing: &Thing) -> Option<&'a SeenThing> {
    found.get(&thing.id()).and_then(Seen::present)
}

#[tokio::test]
async fn from_nothing_to_a_certificate_and_back_to_nothing() {
    let world = World::new().await;
    let (certificates, found) = world.look(&records()).await;
    assert!(certificates.values().chain(found.values()).all(|seen| *seen == Seen::Absent));

    let outputs = world.deploy().await.unwrap();

    let [made] = &world.acm.certificates()[..] else { panic!("one certificate") };
    assert_eq!((made.status, made.domain.as_str()), ("ISSUED", DOMAIN));
    assert_eq!(outputs[&certificate().id().step_id()]["arn"], made.arn);
    let (certificates, found) = world.look(&records()).await;
    for thing in [certificate(), proof(), origin()] {
        let it = seen(&certificates, &thing).or(seen(&found, &thing)).expect("it is there");
        assert_eq!((&it.thing, it.ours), (&thing, true));
    }

    // Again: nothing is made twice.
    world.deploy().await.unwrap();
    assert_eq!((world.acm.certificates().len(), world.zone.records().len()), (1, 2));

    world.acm.change(|certificate| certificate.in_use = 3);
    for thing in [origin(), certificate(), proof()] {
        world.delete(thing.clone()).await.unwrap();
        world.delete(thing).await.unwrap();
    }
    assert_eq!((world.acm.certificates().len(), world.zone.records().len()), (0, 0));
}

#[tokio::test]
async fn a_refusal_is_told_with_its_reason_and_what_to_do() {
    let world = World::new().await;
    world.acm.refuse_next("CAA_ERROR");
    let error = world.deploy().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("there will be no certificate for {DOMAIN}: ACM says FAILED: CAA_ERROR")
    );
    assert!(error.hints[0].contains("0 issue \"amazon.com\""), "{:?}", error.hints);

    // The dead one counts as none; another is asked for, and its proof is the same.
    let (certificates, found) = world.look(&records()).await;
    assert!(certificates.values().all(|seen| *seen == Seen::Absent));
    assert_eq!(seen(&found, &proof()), None);
    world.deploy().await.unwrap();
    assert_eq!(world.acm.certificates().len(), 2);

    world.delete(certificate()).await.unwrap();
    assert_eq!(world.acm.certificates().len(), 0, "the dead one goes too");
}

#[tokio::test]
async fn while_it_is_pending_the_proof_has_still_something_to_do() {
    let world = World::new().await;
    world.put(certificate(), &Outputs::new()).await.unwrap();
    let (certificates, found) = world.look(&records()).await;
    let pending = seen(&certificates, &certificate()).expect("it was asked for");
    assert_eq!(pending.attributes["status"], "PENDING_VALIDATION");
    assert_eq!(pending.attributes["validation_name"], format!("_proof.{DOMAIN}"));
    assert_eq!(found[&proof().id()], Seen::Absent);
}

#[tokio::test]
async fn drift_in_the_zone_is_seen() {
    let world = World::new().await;
    world.deploy().await.unwrap();
    world.zone.change_record(DOMAIN, |record| record.proxied = true);
    world.zone.change_record(&format!("_proof.{DOMAIN}"), |record| record.content = "gone".into());

    let (_, found) = world.look(&records()).await;
    let proxied = format!("{BALANCER}, proxied by Cloudflare");
    let expected = DnsRecord::Origin { name: DOMAIN.into(), balancer: proxied };
    assert_eq!(seen(&found, &origin()).unwrap().thing, Thing::DnsRecord(expected));
    assert_eq!(found[&proof().id()], Seen::Absent);

    world.deploy().await.unwrap();
    let (_, found) = world.look(&records()).await;
    assert!(seen(&found, &proof()).is_some() && seen(&found, &origin()).unwrap().thing == origin());
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_found_and_what_is_foreign_is_told() {
    let world = World::new().await;
    world.deploy().await.unwrap();
    let (_, found) = world
        .look(&[DnsRecord::Origin {
            name: "new.board.example.org".into(),
            balancer: BALANCER.into(),
        }])
        .await;
    assert!(seen(&found, &origin()).is_some_and(|it| it.ours), "the old name: {found:?}");
    assert!(seen(&found, &proof()).is_some_and(|it| it.ours), "the old proof: {found:?}");

    world.zone.change_record(DOMAIN, |record| record.comment = Some("by hand".into()));
    let (_, found) = world.look(&records()).await;
    assert!(!seen(&found, &origin()).unwrap().ours);
    let before = world.zone.records();
    world.delete(origin()).await.unwrap();
    let error: Error = world.deploy().await.unwrap_err();
    assert!(error.message.contains("is not ours"), "{error}");
    assert_eq!(world.zone.records(), before);
}
