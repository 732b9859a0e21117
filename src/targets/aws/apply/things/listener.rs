//! A listener of our own load balancer: its certificate, and what happens to a request that no
//! rule takes.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, ProtocolEnum,
    RedirectActionConfig, RedirectActionStatusCodeEnum,
};

use super::{
    super::AwsExecutor,
    balancing::{forward_to, missing},
    told,
};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    plan::ResourceId,
    targets::aws::{
        apply::wait::{PROPAGATION, unless_absent, unless_passing},
        spec::{DefaultAction, Listener},
    },
};

const ABSENT: [&str; 1] = ["ListenerNotFound"];
/// What is said while a certificate that was issued just now is not known everywhere.
const PASSING: [&str; 1] = ["CertificateNotFound"];
/// TLS 1.2 and 1.3.
const TLS: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// A listener in the terms of the calls.
struct Draft {
    protocol: ProtocolEnum,
    certificate: Option<Certificate>,
    action: Action,
}

impl AwsExecutor {
    /// `CreateListener` may answer with what is on the port already, so it is looked for first.
    pub(super) async fn put_listener(
        &self,
        id: &ResourceId,
        spec: &Listener,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let draft = self.draft_listener(spec, context).await?;
        let found = self.find_listener(&spec.balancer, spec.port).await?;
        let arn = match found.and_then(|found| found.listener_arn) {
            Some(arn) => {
                self.must_own(id, &self.tags_of(&arn).await?)?;
                self.change_listener(id, &arn, &draft, context).await?;
                arn
            }
            None => self.create_listener(id, spec, &draft, context).await?,
        };
        Ok(told(arn))
    }

    pub(super) async fn delete_listener(
        &self,
        id: &ResourceId,
        spec: &Listener,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let found = self.find_listener(&spec.balancer, spec.port).await?;
        let Some(arn) = found.and_then(|found| found.listener_arn) else { return Ok(()) };
        if !self.may_delete(id, &self.tags_of(&arn).await?, context) {
            return Ok(());
        }
        let call = self.clients.elb.delete_listener().listener_arn(arn);
        unless_absent(call.send().await, &ABSENT, format!("cannot delete the {id}")).map(drop)
    }

    async fn draft_listener(&self, spec: &Listener, context: &StepContext<'_>) -> Result<Draft> {
        let certificate = match spec.certificate.as_deref() {
            Some(given) if given.starts_with("arn:") => Some(given.to_owned()),
            Some(domain) => Some(self.arn(&ResourceId::new("certificate", domain), context)?),
            None => None,
        };
        let action = match &spec.default {
            DefaultAction::Forward(group) => forward_to(&self.target_group_arn(group).await?),
            DefaultAction::Forbid => forbid(),
            DefaultAction::RedirectToHttps => redirect_to_https(),
        };
        Ok(Draft {
            protocol: match certificate {
                Some(_) => ProtocolEnum::Https,
                None => ProtocolEnum::Http,
            },
            certificate: certificate.map(|arn| Certificate::builder().certificate_arn(arn).build()),
            action,
        })
    }

    async fn create_listener(
        &self,
        id: &ResourceId,
        spec: &Listener,
        draft: &Draft,
        context: &StepContext<'_>,
    ) -> Result<String> {
        let balancer = self.balancer_arn(&spec.balancer).await?;
        let balancer = balancer.ok_or_else(|| missing("load-balancer", &spec.balancer))?;
        let attempt = async || {
            let call = self
                .clients
                .elb
                .create_listener()
                .load_balancer_arn(&balancer)
                .port(i32::from(spec.port))
                .protocol(draft.protocol.clone())
                .set_ssl_policy(draft.tls())
                .set_certificates(draft.certificates())
                .default_actions(draft.action.clone())
                .set_tags(Some(self.elb_tags()));
            unless_passing(call.send().await, &PASSING, format!("cannot create the {id}"))
        };
        let what = format!("the certificate of the {id} to be known everywhere");
        let made = self.persist(what, PROPAGATION, context, attempt).await?;
        let made = made.listeners.unwrap_or_default().pop();
        made.and_then(|made| made.listener_arn)
            .ok_or_else(|| Error::failed(format!("AWS did not tell about the new {id}")))
    }

    async fn change_listener(
        &self,
        id: &ResourceId,
        arn: &str,
        draft: &Draft,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let attempt = async || {
            let call = self
                .clients
                .elb
                .modify_listener()
                .listener_arn(arn)
                .protocol(draft.protocol.clone())
                .set_ssl_policy(draft.tls())
                .set_certificates(draft.certificates())
                .default_actions(draft.action.clone());
            unless_passing(call.send().await, &PASSING, format!("cannot change the {id}"))
        };
        let what = format!("the certificate of the {id} to be known everywhere");
        self.persist(what, PROPAGATION, context, attempt).await.map(drop)
    }
}

impl Draft {
    fn tls(&self) -> Option<String> {
        self.certificate.as_ref().map(|_| TLS.to_owned())
    }

    fn certificates(&self) -> Option<Vec<Certificate>> {
        self.certificate.clone().map(|certificate| vec![certificate])
    }
}

fn forbid() -> Action {
    let answer = FixedResponseActionConfig::builder()
        .status_code("403")
        .content_type("text/plain")
        .message_body("Forbidden")
        .build();
    let action = Action::builder().r#type(ActionTypeEnum::FixedResponse);
    action.fixed_response_config(answer).build()
}

/// To the same host, path and query.
fn redirect_to_https() -> Action {
    let target = RedirectActionConfig::builder()
        .protocol("HTTPS")
        .port("443")
        .status_code(RedirectActionStatusCodeEnum::Http301)
        .build();
    Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(target).build()
}
