//! Any text as an exported schema: it gives a policy or it has problems that can be printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizan::schema::{Deployment, parse, policy};

fuzz_target!(|text: &str| {
    match parse("schema.json", text) {
        Ok(schema) => {
            let deployment = Deployment {
                app: "board".into(),
                environment: "local".into(),
                release: "r1".into(),
                assets: None,
                window: 600,
            };
            serde_json::to_string(&policy(&schema, deployment)).expect("a policy is JSON");
        }
        Err(diagnostics) => assert!(!diagnostics.render("error", true).is_empty()),
    }
});
