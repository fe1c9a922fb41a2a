// Types of the API from its OpenAPI document: a changed operation breaks the build where it is called.
import {readFileSync, writeFileSync} from "node:fs";
import openapiTS, {astToString} from "openapi-typescript";

// What the API may leave out of an answer; everything else of a response is always there.
const OPTIONAL = {
  ScenarioFindingResponse: ["cue_id", "word_id", "suggestion"],
  StillResponse: ["url", "width", "height", "size_bytes", "times", "expires_at"],
};

const document = JSON.parse(readFileSync("openapi.json", "utf8"));
for (const [name, schema] of Object.entries(document.components.schemas)) {
  if (!schema.properties || !/(Response|Links)$/.test(name)) continue;
  schema.required = Object.keys(schema.properties).filter((key) => !OPTIONAL[name]?.includes(key));
}
const ast = await openapiTS(document, {alphabetize: true, defaultNonNullable: false});
writeFileSync("src/api/schema.d.ts", astToString(ast));
