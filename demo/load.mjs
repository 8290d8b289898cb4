// Loads the five files, each in the form that it has.
import fs from 'node:fs';
import zlib from 'node:zlib';

import {dataFile} from './oracle.mjs';
import {progress, sayLoad} from './report.mjs';

const DOCUMENTS_PER_BATCH = 10_000;

const json = {'Content-Type': 'application/json'};
const file = (name) => fs.readFileSync(dataFile(name));

// Each load is a list of requests: {target, headers, body}, and how many rows are expected in all.
const loads = [
    {
        source: 'flights', file: 'flights-3m.parquet', form: 'Parquet as it is',
        rows: (oracle) => oracle.value('SELECT count(*) FROM flights'),
        requests: () => [{target: '/data/write?source_id=flights', body: file('flights-3m.parquet'),
            headers: {'Content-Type': 'application/vnd.apache.parquet'}}],
    },
    {
        source: 'delays', file: 'flights-200k.json', form: 'NDJSON, gzip',
        rows: (oracle) => oracle.value('SELECT count(*) FROM delays'),
        requests: () => {
            const documents = JSON.parse(file('flights-200k.json'));
            const requests = [];
            for (let at = 0; at < documents.length; at += DOCUMENTS_PER_BATCH) {
                const lines = documents.slice(at, at + DOCUMENTS_PER_BATCH).map((one) => JSON.stringify(one) + '\n');
                requests.push({target: '/data/write?source_id=delays', body: zlib.gzipSync(lines.join(''), {level: 1}),
                    headers: {'Content-Type': 'application/x-ndjson', 'Content-Encoding': 'gzip',
                        'Idempotency-Key': `delays-${at}`}});
            }
            return requests;
        },
    },
    {
        source: 'movies', file: 'movies.json', form: 'JSON array as it is',
        rows: (oracle) => oracle.value('SELECT count(*) FROM movies'),
        requests: () => [{target: '/data/write?source_id=movies', body: file('movies.json'), headers: json}],
    },
    {
        source: 'earthquakes', file: 'earthquakes.json', form: 'source and records',
        rows: (oracle) => oracle.value('SELECT count(*) FROM quakes'),
        requests: () => {
            const records = JSON.parse(file('earthquakes.json')).features.map((fields) => ({fields}));
            const body = JSON.stringify({source_id: 'earthquakes', records});
            return [{target: '/data/write', body: Buffer.from(body), headers: json}];
        },
    },
    {
        source: 'zipcodes', file: 'zipcodes.csv', form: 'CSV as it is',
        schema: {zip_code: 'string', latitude: 'float64', longitude: 'float64', city: 'string', state: 'string',
            county: 'string'},
        rows: (oracle) => oracle.value('SELECT count(*) FROM zipcodes'),
        requests: () => [{target: '/data/write?source_id=zipcodes', body: file('zipcodes.csv'),
            headers: {'Content-Type': 'text/csv'}}],
    },
];

async function loadOne(client, oracle, load) {
    const expected = Number(await load.rows(oracle));
    const requests = load.requests();
    if (load.schema) await client.post('/sources/add', {source_id: load.source, schema_definition: load.schema});
    let rows = 0;
    let bytes = 0;
    const began = performance.now();
    for (const [index, {target, body, headers}] of requests.entries()) {
        progress(`${load.source}: ${Math.round(100 * index / requests.length)} %`);
        rows += (await client.post(target, body, headers)).rows;
        bytes += body.length;
    }
    const seconds = (performance.now() - began) / 1000;
    if (rows !== expected) throw new Error(`${load.source}: ${rows} rows acknowledged, the file has ${expected}`);
    return {source: load.source, file: load.file, form: load.form, rows, bytes, seconds};
}

export async function loadAll(client, oracle) {
    const done = [];
    for (const load of loads) {
        done.push(await loadOne(client, oracle, load));
        sayLoad(done.at(-1));
    }
    return done;
}
