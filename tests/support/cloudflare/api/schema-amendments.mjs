// Where the vendor's published schemas are behind the vendor: fields that wrangler sends (see the
// recordings in the test data), and a union that was flattened.

const CODE_UPDATE_STRATEGY = {
  type: "object",
  properties: { mode: { type: "string" }, max_delay: { type: "integer" } },
};

/** @type {Record<string, (schema: object, load: (name: string) => object) => void>} */
const AMENDMENTS = {
  ScriptUpload({ definitions }) {
    const metadata = definitions["ScriptUpdateParams.Metadata"];
    metadata.properties.code_update_strategy = CODE_UPDATE_STRATEGY;
  },

  // A version has the settings that a script's upload has. Migrations are refused later, in the
  // vendor's words.
  VersionUpload({ definitions }, load) {
    const script = load("ScriptUpload").definitions;
    const metadata = definitions["VersionCreateParams.Metadata"];
    const uploaded = script["ScriptUpdateParams.Metadata"].properties;
    const more = ["placement", "limits", "assets", "observability", "keep_assets", "migrations"];
    for (const name of more) metadata.properties[name] = uploaded[name];
    // Without a module there are assets only.
    metadata.required = [];
    Object.assign(definitions, { ...script, ...definitions });
  },

  Deployment({ definitions }) {
    definitions.Deployment.properties.code_update_strategy = CODE_UPDATE_STRATEGY;
  },

  /** Each kind of secret has its own required fields. */
  Secret({ definitions }) {
    const { Secret } = definitions;
    const ofKind = (kind, ...required) => ({
      properties: { type: { const: kind } },
      required,
      additionalProperties: {},
    });
    Secret.required = ["name", "type"];
    Secret.oneOf = [
      ofKind("secret_text", "text"),
      ofKind("secret_key", "algorithm", "format", "usages"),
    ];
  },

  /** The flags are in the vendor's refusals (100116, 100117). */
  Domain({ definitions }) {
    for (const flag of ["scope", "existing_origin", "existing_dns_record"]) {
      definitions.Domain.properties[`override_${flag}`] = { type: "boolean" };
    }
    definitions.Domain.properties.environment = { type: "string" };
  },

  /** A route without a script is one where no Worker runs. */
  Route({ definitions }) {
    definitions.Route.properties.script.type = ["string", "null"];
  },
};

/** @param {string} name @param {object} schema @param {(name: string) => object} load */
export const amend = (name, schema, load) => AMENDMENTS[name]?.(schema, load);
