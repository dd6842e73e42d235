// Reads the fake org with jsforce: SOAP login, describe, a query through all
// of its pages, Bulk API 2.0, writes. It prints what it found as one line of
// JSON; clients_test.go compares that with the org.
import jsforce from "jsforce";

const [loginUrl, username, password] = process.argv.slice(2);

async function refused(action) {
  try {
    await action();
    return "nothing";
  } catch (e) {
    return e.errorCode ?? e.message.split(":")[0];
  }
}

const conn = new jsforce.Connection({ loginUrl, version: "60.0" });
const badLogin = await refused(() => new jsforce.Connection({ loginUrl, version: "60.0" }).login(username, "wrong"));
const user = await conn.login(username, password);
const soql = "SELECT Id, Name, AnnualRevenue, Description, CreatedDate FROM Account";

const rest = await conn.query(soql).run({ autoFetch: true, maxFetch: 1e6 });
conn.bulk2.pollInterval = 20;
conn.bulk2.pollTimeout = 30000;
const bulk = [];
for await (const record of await conn.bulk2.query(soql)) bulk.push(record);

const describe = await conn.describe("Account");
const global = await conn.describeGlobal();
const created = await conn.sobject("Account").create({ Name: "Made by jsforce" });
await conn.sobject("Account").update({ Id: created.id, Name: "Changed by jsforce" });
const changed = await conn.sobject("Account").retrieve(created.id);
const many = await conn.sobject("Contact").create([{ LastName: "One" }, { FirstName: "Nobody" }], { allOrNone: false });
await conn.sobject("Account").destroy(created.id);

console.log(
  JSON.stringify({
    user: user.id,
    organization: user.organizationId,
    badLogin,
    badField: await refused(() => conn.query("SELECT Nope FROM Account")),
    gone: await refused(() => conn.sobject("Account").retrieve(created.id)),
    total: rest.totalSize,
    rest: rest.records.map((r) => [r.Id, r.Name]),
    bulk: bulk.map((r) => [r.Id, r.Name]),
    fields: describe.fields.length,
    objects: global.sobjects.length,
    changed: changed.Name,
    many: many.map((r) => r.success),
  }),
);
