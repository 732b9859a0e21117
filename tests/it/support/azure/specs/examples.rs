//! Microsoft's own examples pass the checks, and what is a little wrong in them does not.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use super::{Operation, documents::read_json, is_ours, operations};

/// Operations that Microsoft gives no example of.
const WITHOUT_EXAMPLES: [&str; 5] = [
    "Providers_Register",
    "Resources_ListByResourceGroup",
    "ResourceGroups_CheckExistence",
    "ResourceGroups_Get",
    "ResourceGroups_List",
];

/// One example: what is sent, and the answers that may come.
struct Example {
    operation: &'static Operation,
    name: String,
    path: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
    answers: Vec<(u16, Option<Value>)>,
}

impl Example {
    fn read(operation: &'static Operation, file: &Path) -> Self {
        let example = read_json(file);
        let parameters = &example["parameters"];
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let given = |place: &'static str| {
            let names = operation.parameter_names(place);
            names.filter_map(|name| Some((name.to_owned(), text(parameters.get(name)?))))
        };
        let responses = example["responses"].as_object().unwrap();
        Self {
            operation,
            name: file.file_stem().unwrap().to_string_lossy().into_owned(),
            path: given("path").collect(),
            query: given("query").collect(),
            body: operation.parameter_names("body").find_map(|it| parameters.get(it)).cloned(),
            answers: responses
                .iter()
                .map(|(status, answer)| (status.parse().unwrap(), answer.get("body").cloned()))
                .collect(),
        }
    }

    fn request_problems(&self) -> Vec<String> {
        self.operation.request_problems(&self.path, &self.query, self.body.as_ref())
    }

    fn problems(&self) -> Vec<String> {
        let answers = self
            .answers
            .iter()
            .flat_map(|(status, body)| self.operation.answer_problems(*status, body.as_ref()));
        self.request_problems().into_iter().chain(answers).collect()
    }
}

fn examples() -> Vec<Example> {
    let of = |operation: &'static Operation| {
        operation.examples().into_iter().map(move |file| Example::read(operation, &file))
    };
    operations().iter().flat_map(of).collect()
}

/// What Microsoft's examples themselves get wrong: a registry without a status has a null there,
/// which the schema does not allow.
fn is_known(problem: &str) -> bool {
    problem.starts_with("Registries_") && problem.ends_with("properties/status`")
}

#[test]
fn examples_of_microsoft_pass() {
    let examples = examples();
    let told = examples.iter().flat_map(Example::problems);
    let told: Vec<_> = told.filter(|problem| !is_known(problem)).collect();
    assert_eq!(told, Vec::<String>::new());
    let without: Vec<_> = operations()
        .iter()
        .filter(|operation| !is_ours(operation))
        .filter(|operation| !examples.iter().any(|example| example.operation.id == operation.id))
        .map(|operation| operation.id)
        .collect();
    assert_eq!(without, WITHOUT_EXAMPLES);
}

/// Fails the test unless the change makes a problem of every example with such a body.
#[track_caller]
fn expect_refused(what: &str, change: impl Fn(&mut Value) -> bool) {
    let mut changed = 0;
    for mut example in examples() {
        if example.body.as_mut().is_some_and(&change) {
            let told = example.request_problems();
            assert!(!told.is_empty(), "{what} passes in {}", example.name);
            changed += 1;
        }
    }
    assert!(changed > 0, "no example can have {what}");
}

#[test]
fn a_field_that_no_spec_names_is_refused() {
    expect_refused("an unknown field", |body| {
        body["propertiess"] = "x".into();
        true
    });
    expect_refused("an unknown field further down", |body| {
        let container = body.pointer_mut("/properties/containers/0/properties");
        container.is_some_and(|it| {
            it["imagePullPolicy"] = "Always".into();
            true
        })
    });
}

#[test]
fn a_field_that_only_the_service_sets_is_refused() {
    expect_refused("a provisioning state", |body| {
        let groups = body.get("properties").and_then(|it| it.get("containers")).is_some();
        let registries = body.get("sku").is_some();
        if groups || registries {
            body["properties"]["provisioningState"] = "Succeeded".into();
        }
        groups || registries
    });
    expect_refused("an id", |body| {
        let sent = body.get("location").is_some();
        if sent {
            body["id"] = "/subscriptions/x".into();
        }
        sent
    });
}

#[test]
fn a_value_outside_of_an_enumeration_is_refused() {
    expect_refused("another operating system", |body| {
        let system = body.pointer_mut("/properties/osType");
        system.is_some_and(|it| {
            *it = "Plan9".into();
            true
        })
    });
    expect_refused("another type of principal", |body| {
        let principal = body.pointer_mut("/properties/principalType");
        principal.is_some_and(|it| {
            *it = "Robot".into();
            true
        })
    });
}

#[test]
fn what_is_required_is_missed() {
    expect_refused("no image", |body| {
        let container = body.pointer_mut("/properties/containers/0/properties");
        container.and_then(Value::as_object_mut).is_some_and(|it| it.remove("image").is_some())
    });
    expect_refused("no role", |body| {
        let role = body.get_mut("properties").and_then(Value::as_object_mut);
        role.is_some_and(|it| it.remove("roleDefinitionId").is_some())
    });
}

#[test]
fn parameters_are_checked() {
    for example in examples() {
        let mut query = example.query.clone();
        query.push(("forse".to_owned(), "true".to_owned()));
        let told = example.operation.request_problems(&example.path, &query, example.body.as_ref());
        let expected = format!("{}: unknown query parameter forse", example.operation.id);
        assert!(told.contains(&expected), "{}: {told:?}", example.name);

        let told = example.operation.request_problems(&example.path, &[], example.body.as_ref());
        let expected = format!("{}: api-version is missing", example.operation.id);
        assert!(told.contains(&expected), "{}: {told:?}", example.name);
    }
}

#[test]
fn an_answer_that_gives_a_secret_away_is_refused() {
    let group =
        examples().into_iter().find(|it| it.name == "ContainerGroupsGet_Succeeded").unwrap();
    let (status, body) = &group.answers[0];
    let mut body = body.clone().unwrap();
    assert_eq!(group.operation.answer_problems(*status, Some(&body)), Vec::<String>::new());
    body["properties"]["containers"][0]["properties"]["environmentVariables"] =
        serde_json::json!([{"name": "SECRET_KEY", "secureValue": "x"}]);
    let told = group.operation.answer_problems(*status, Some(&body));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("secureValue"), "{told:?}");
}
