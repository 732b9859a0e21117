//! The rules of the protocol as data: what `mizan check` looks for, what a break of it means to
//! visitors, and what to do. `docs/check.md` is made from it.

use serde::Serialize;

/// How much a broken rule matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Visitors may see what is wrong, old or not theirs.
    Error,
    /// It works, but worse than it could.
    Warning,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub id: RuleId,
    /// What it counts as when it is broken.
    pub severity: Severity,
    /// What holds, in a few words.
    pub title: &'static str,
    /// What a break of it means.
    pub meaning: &'static str,
    /// How to mend it.
    pub remedy: &'static str,
}

macro_rules! rules {
    ($($id:ident $severity:ident $title:literal $meaning:literal $remedy:literal)+) => {
        /// The name of a rule. The order is that of reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum RuleId {
            $(#[doc = $title] $id,)+
        }

        /// All rules, in the order of [`RuleId`].
        pub const RULES: &[Rule] = &[$(Rule {
            id: RuleId::$id,
            severity: Severity::$severity,
            title: $title,
            meaning: $meaning,
            remedy: $remedy,
        },)+];
    };
}

rules! {
    S1 Error
        "the schema is readable"
        "Without it nobody knows which answers may be cached, so nothing can be checked or deployed."
        "Look at the place that is named; the schema is what `python manage.py mizan_schema` prints, and nothing else."
    S2 Error
        "the version of the schema is known"
        "A newer schema may mean something else by the same words."
        "Update mizan, or the framework of the app, until both speak the same version."
    S3 Error
        "what mutations affect exists"
        "A mutation that names no real context or parameter makes nothing stale: visitors see old data."
        "Correct the `affects` of the function that is named."
    S4 Warning
        "all functions of a context ask for the same sign-in"
        "One guarded function makes the whole context private: nothing of it is cached, and who may not call that one gets none of the others."
        "Move the guarded functions to a context of their own."
    S5 Error
        "the live schema is the one that was built"
        "The edge works by another schema than the app: it may cache what it must not, and miss what changed."
        "Deploy again; if the app serves the schema from somewhere else, look where."

    A1 Error
        "a guarded context refuses strangers"
        "What only some may see is shown to everyone, or the refusal is stored and shown to those who may."
        "Answer 401 or 403 with `Cache-Control: no-store` before anything is read."

    C1 Error
        "a context answers 200 with a JSON object"
        "Pages and components that show it have no data."
        "Call the request that is named, and look into the app's log."
    C2 Error
        "the answer has a key for each function, and no other"
        "Components look for their function's key; one that is missing breaks them."
        "Export the schema anew, or see which function does not answer."
    C3 Error
        "the keys are sorted"
        "Two processes that order keys differently give different bytes for the same data: ETags never match."
        "Write the JSON with sorted keys (`sort_keys=True`)."
    C4 Error
        "Cache-Control fits the scope of the context"
        "A private answer marked public is stored and shown to others; a public one that is not is never cached."
        "`public, max-age=…` for contexts that are public, `private` or `no-store` for all others."
    C5 Error
        "Vary names Authorization and Cookie"
        "A cache between the app and the visitor may give one person's answer to another."
        "Send `Vary: Authorization, Cookie` with every context."
    C6 Warning
        "Vary names nothing else"
        "The edge does not store what varies by something it does not know."
        "Find the middleware that adds it (LocaleMiddleware adds Accept-Language), and keep it away from contexts."
    C7 Error
        "a context sets no cookie"
        "A stored answer would give one visitor's cookie to all; so the edge does not store it."
        "Do not touch the session or the CSRF token while a context is read."
    C8 Error
        "the same question gives the same bytes"
        "What changes by itself cannot be made stale by mutations: visitors see different data by chance."
        "Take times, random order and counters out of the answer; order every query."
    C9 Error
        "the answer is the same for another visitor"
        "The answer depends on cookies or language, and the edge gives everyone the first one's."
        "Make the context private, or pass what it depends on as a parameter."
    C10 Error
        "a public context is the same when signed in"
        "The author promised that the answer depends on the parameters alone; those who are signed in see a stranger's."
        "Make the context private, or do not look at `request.user` in it."
    C11 Warning
        "the ETag gives 304"
        "Each visit transfers the whole answer again."
        "Set an ETag (`set_response_etag`) and use `ConditionalGetMiddleware`."
    C12 Warning
        "HEAD answers as GET does"
        "Monitors and caches that ask with HEAD are told something else."
        "Let the view answer HEAD as GET; Django drops the body itself."
    C13 Warning
        "other methods are refused"
        "A context that takes a POST may change data without anyone hearing of it."
        "Allow GET and HEAD alone (`require_safe`)."
    C14 Error
        "an answer to a bad token is never stored"
        "A refusal in a cache is shown to those who are welcome."
        "Answer a bad token with 401 and `Cache-Control: no-store`, or as if there were none."

    P1 Warning
        "an unknown parameter changes nothing"
        "Whoever adds parameters to a link gets another answer, or an error of the server."
        "Refuse what the schema does not name with 4xx and `no-store`, or ignore it."
    P2 Warning
        "order and spelled-out defaults change nothing"
        "The edge takes them for one entry, the app does not: either answer may be shown for both."
        "Use the parameters by name, and the default that the schema names."
    P3 Error
        "a missing parameter is refused"
        "A question without an answer gets one that is stored, or an error of the server."
        "Answer 4xx with `Cache-Control: no-store`."
    P4 Error
        "a value of the wrong type is refused"
        "Anybody can fill the cache with made-up values, or crash the view."
        "Answer 4xx with `Cache-Control: no-store` before the value is used."
    P5 Warning
        "that there is no such object is not stored"
        "Who looked too early is told for minutes that it does not exist, after it does."
        "Answer 404 with `Cache-Control: no-store`."
    P6 Warning
        "a repeated parameter is refused"
        "Which of two values counts is for each program on the way to guess."
        "Answer 4xx with `Cache-Control: no-store`."

    E1 Error
        "an unknown context gives 404, not stored"
        "A context that is new with the next release is unknown to visitors for as long as a cache remembers."
        "Answer 404 with `Cache-Control: no-store`."
    E2 Warning
        "the redirect to the final slash is not stored"
        "Browsers keep a 301 for ever, also after the path has changed."
        "Send `Cache-Control: no-store` with what Django's CommonMiddleware redirects."
    E3 Error
        "a mutation cannot be called by GET"
        "Links, prefetching and crawlers change data."
        "Answer 405 with `Cache-Control: no-store`."

    M1 Error
        "a mutation asks for the CSRF token"
        "Any site can make a visitor's browser change data in their name."
        "Keep `CsrfViewMiddleware`, and exempt from it only what comes with a token in a header."
    M2 Error
        "a call that is no JSON is refused, not stored"
        "A cache on the way may answer later calls with the refusal, or the server fails."
        "Answer 400 with `Cache-Control: no-store`."
    M3 Error
        "a call of an unknown function is refused, not stored"
        "A cache on the way may answer later calls with the refusal; and whoever guesses names must not reach anything."
        "Answer 4xx with `Cache-Control: no-store`."
    M4 Error
        "a call from the public address is accepted"
        "Nobody can change anything: browsers name the public address as the Origin of every POST."
        "Add the public URL to `CSRF_TRUSTED_ORIGINS` (Mizan Deploy gives it as MIZAN_URL)."
    M5 Error
        "the answer of a mutation is not stored"
        "A cache may answer the next call with it, and nothing is changed."
        "Send `Cache-Control: no-store`."
    M6 Error
        "the answer of a mutation has `result` and `invalidate`"
        "What the edge cannot read makes everything stale, and clients have no result."
        "Answer `{\"result\": …, \"invalidate\": […]}`; an entry is a name or `{\"context\": …, \"params\": {…}}`."
    M7 Error
        "what a mutation makes stale is declared"
        "If the answer gets lost, the edge goes by the declaration, and the rest stays old."
        "Add the context to the `affects` of the function."
    M8 Error
        "a guarded mutation refuses strangers"
        "Anybody can change data."
        "Check who calls before anything is done; answer 401 or 403 with `no-store`."
    M9 Error
        "what a mutation affects really changes"
        "The app itself answers with old data (a cache of its own, a replica that is behind), and the edge stores it as new."
        "Read contexts from where mutations write."
    M10 Error
        "everything that is declared is made stale"
        "The context that is not named stays old at the edge."
        "Send an entry of `invalidate` for each of the function's `affects`."

    W1 Error
        "the WebSocket opens"
        "Channels never connect: what should appear by itself does not."
        "Serve the app with ASGI, and let every proxy on the way pass the upgrade."

    H1 Error
        "the health path answers 2xx"
        "Every target takes the app for dead and stops it."
        "Answer without database and sign-in, whatever the Host header says."
    H2 Error
        "DEBUG is off"
        "Error pages show settings, paths and queries to everyone, and Django keeps every query in memory."
        "Set `DEBUG = False` where others can reach the app."
    H3 Warning
        "an unknown Host is refused"
        "Links in mails and redirects can be made to lead elsewhere."
        "Name the hosts in `ALLOWED_HOSTS` (Mizan Deploy gives them as MIZAN_HOSTS), not `*`."
    H4 Warning
        "the clock is right"
        "Tokens and sessions end too early or too late, and so do entries of caches."
        "Let the machine synchronise its clock."
}

impl RuleId {
    /// The rule of this name.
    pub fn rule(self) -> &'static Rule {
        &RULES[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn each_name_leads_to_its_rule() {
        for rule in RULES {
            assert_eq!(rule.id.rule().id, rule.id);
        }
    }
}
