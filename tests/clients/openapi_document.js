// SPDX-License-Identifier: BSD-3-Clause
//
// GET /api/v1/openapi.json, and the parts of it that have occurred in real answers. The comparison is stricter than clients
// should be: a field that the document does not name is a fault.
'use strict';
const assert = require('node:assert/strict');

const METHODS = ['get', 'post'];
const nameOf = (reference) => reference.split('/').at(-1);

// The named schemas, where no object may have more than the named fields.
function withoutMoreFields(schemas) {
  const parts = new Set(Object.values(schemas).flatMap(({ allOf = [] }) => allOf.map(({ $ref }) => nameOf($ref))));
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) =>
    [name, schema.properties && !parts.has(name) ? { ...schema, unevaluatedProperties: false } : schema]));
}

class Document {
  // `ajv` is an Ajv of JSON Schema 2020-12 with formats.
  constructor(document, ajv) {
    this.components = document.components;
    this.operations = new Map(); // by operationId: {method, path, parameters, responses, requestBody?}
    for (const [path, item] of Object.entries(document.paths))
      for (const method of METHODS.filter((name) => item[name]))
        this.operations.set(item[method].operationId, { method: method.toUpperCase(), path, ...item[method] });
    ajv.addVocabulary(['discriminator', 'components']);
    ajv.addSchema({ $id: 'document', components: { schemas: withoutMoreFields(this.components.schemas) } });
    this.ajv = ajv;
    this.validators = new Map();
    this.seenStatuses = new Set(); // `OPERATION STATUS`
    this.seenSchemas = new Set();  // names
    this.seenFields = new Set();   // the schema objects of properties
    for (const name of Object.keys(this.components.schemas)) this.validator(name);
  }

  validator(name) {
    if (!this.validators.has(name))
      this.validators.set(name, this.ajv.compile({ $ref: `document#/components/schemas/${name}` }));
    return this.validators.get(name);
  }

  resolve(value) {
    return value.$ref ? value.$ref.split('/').slice(2).reduce((part, key) => part[key], this.components) : value;
  }

  // The answer must be one that the document describes for this operation.
  check(operationId, { status, headers, body }) {
    const { responses } = this.operations.get(operationId);
    const described = this.resolve(responses[status] ?? responses.default);
    const what = `${operationId} ${status}`;
    this.checkHeaders(what, described, headers);
    if (!described.content) {
      assert.equal(body.length, 0, `${what} has a body`);
    } else {
      const type = headers['content-type']?.replace(/;.*/, '');
      assert.ok(described.content[type], `${what} is ${type}`);
      if (type === 'application/json') this.checkValue(nameOf(described.content[type].schema.$ref), JSON.parse(body), what);
    }
    this.seenStatuses.add(what);
  }

  checkHeaders(what, { headers: described = {} }, headers) {
    for (const [name, header] of Object.entries(described)) {
      const { required, schema } = this.resolve(header);
      const value = headers[name.toLowerCase()];
      assert.ok(value !== undefined || !required, `${what} has no ${name}`);
      if (value !== undefined) {
        const isOne = this.ajv.validate(schema, schema.type === 'integer' ? Number(value) : value);
        assert.ok(isOne, `${what}: ${name}: ${value}: ${this.ajv.errorsText()}`);
        this.seenFields.add(header);
      }
    }
  }

  checkValue(name, value, what) {
    const validate = this.validator(name);
    assert.ok(validate(value), `${what} is no ${name}: ${this.ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
    this.note({ $ref: `#/components/schemas/${name}` }, value);
  }

  // Records the fields of schemas that the valid `value` has.
  note(schema, value) {
    if (schema.$ref) this.seenSchemas.add(nameOf(schema.$ref));
    const found = this.resolve(schema);
    for (const part of found.allOf ?? []) this.note(part, value);
    for (const part of found.oneOf ?? []) if (!part.$ref || this.validator(nameOf(part.$ref))(value)) this.note(part, value);
    if (Array.isArray(value)) {
      for (const item of found.items ? value : []) this.note(found.items, item);
    } else {
      for (const [key, part] of Object.entries(found.properties ?? {})) {
        if (!Object.hasOwn(Object(value), key)) continue;
        this.seenFields.add(part);
        this.note(part, value[key]);
      }
    }
  }

  // The parts of the document that were in no answer: statuses of operations, and fields of schemas that did occur.
  unseen() {
    const unseen = [];
    for (const [id, { responses }] of this.operations)
      for (const status of Object.keys(responses))
        if (status !== 'default' && !this.seenStatuses.has(`${id} ${status}`)) unseen.push(`${id} ${status}`);
    for (const name of this.seenSchemas)
      for (const [key, part] of Object.entries(this.components.schemas[name].properties ?? {}))
        if (!this.seenFields.has(part)) unseen.push(`${name}.${key}`);
    return unseen;
  }
}

module.exports = { Document };
