// Validates resources against StructureDefinitions with the npm packages `fhir` and `@medplum/core`.
//
// node validate.cjs fhir|medplum FOLDER < resources.ndjson
//
// FOLDER holds the StructureDefinitions of a release (R4 or R5), one a file. For each resource one line is written: the
// JSON array of what is wrong with it. Packages are found by NODE_PATH.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const [validator, folder] = process.argv.slice(2);
const definitions = fs
  .readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8")));
const resources = fs.readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));

const validators = {
  fhir() {
    const { Fhir, ParseConformance, Versions } = require("fhir");
    // As R4 and R5 state bindings; told R5, it would pass over them.
    const parser = new ParseConformance(false, Versions.R4);
    boundValueSets().forEach((each) => parser.parseValueSet(each));
    parser.parseBundle({ resourceType: "Bundle", entry: definitions.map((resource) => ({ resource })) });
    const fhir = new Fhir(parser);
    return (resource) =>
      fhir
        .validate(resource, { errorOnUnexpected: true })
        .messages.filter((each) => each.severity === "error" || each.severity === "fatal")
        .filter((each) => !(each.message === "Missing property" && isAbsent(resource, each.location)))
        .map((each) => `${each.location}: ${each.message}`);
  },

  medplum() {
    // Asked for by its client, which is not used here; Node has it from version 22.
    globalThis.WebSocket ??= class {};
    const { indexStructureDefinitionBundle, validateResource } = require("@medplum/core");
    indexStructureDefinitionBundle(definitions);
    const profiles = new Map(definitions.map((each) => [each.name, each]));
    return (resource) => {
      try {
        validateResource(resource, { profile: profiles.get(resource.resourceType) });
        return [];
      } catch (error) {
        if (!error.outcome) throw error;
        return error.outcome.issue.map((each) => `${(each.expression || []).join()}: ${each.details.text}`);
      }
    };
  },
};

// The definitions name the codes of a required binding in the element's short text: a | b | c, with a + behind the last
// where there are more.
function boundValueSets() {
  return definitions
    .flatMap((each) => each.snapshot.element)
    .filter((each) => each.binding && each.binding.strength === "required" && / \| [^+]*$/.test(each.short || ""))
    .map((each) => ({
      resourceType: "ValueSet",
      url: each.binding.valueSet.split("|")[0],
      compose: {
        include: [{ system: "http://example.org/codes", concept: each.short.split(" | ").map((code) => ({ code })) }],
      },
    }));
}

// Tells whether the element at a location (ImagingSelection.instance[0].uid) has a reason why it has no value, which
// the package `fhir` knows nothing of.
function isAbsent(resource, location) {
  const names = location.split(".").slice(1);
  const name = names.pop();
  const parent = names.reduce((value, each) => {
    const [, key, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(each);
    return index === undefined ? value[key] : value[key][index];
  }, resource);
  return `_${name}` in parent;
}

const wrong = validators[validator]();
for (const resource of resources) console.log(JSON.stringify(wrong(resource)));
