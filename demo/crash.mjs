// Kills the server in the middle of a load by several writers, starts it again and looks for every row that was
// acknowledged: each has to be there exactly once. A batch that was not acknowledged may be there, but only
// whole. Then everything is sent again under the same keys: what is there already is not applied twice.
import fs from 'node:fs';

import {dataFile} from './oracle.mjs';
import {progress, say} from './report.mjs';

const SOURCE = 'killed';
const DOCUMENTS_PER_BATCH = 200;
const WRITERS = 8;
const KILL_AFTER_ACKS = 300;

function makeBatches() {
    const documents = JSON.parse(fs.readFileSync(dataFile('flights-200k.json'), 'utf8'));
    const batches = [];
    for (let at = 0; at < documents.length; at += DOCUMENTS_PER_BATCH) {
        const number = batches.length;
        batches.push({number, key: `killed-${number}`,
            documents: documents.slice(at, at + DOCUMENTS_PER_BATCH).map((document, row) =>
                ({batch: number, row, ...document}))});
    }
    return batches;
}

function write(client, batch) {
    return client.post(`/data/write?source_id=${SOURCE}`, batch.documents, {'Idempotency-Key': batch.key});
}

// Returns the numbers of the batches that were acknowledged before the server was gone.
async function loadUntilKilled(client, server, batches) {
    const acknowledged = new Set();
    let next = 0;
    let killed = null;
    async function writer() {
        while (next < batches.length && !killed) {
            const batch = batches[next++];
            try {
                await write(client, batch);
            } catch (problem) {
                if (killed || server.hasEnded()) return;  // this is what the test is about
                throw problem;
            }
            acknowledged.add(batch.number);
            progress(`${acknowledged.size} batches acknowledged`);
            if (acknowledged.size >= KILL_AFTER_ACKS) killed ??= server.kill();
        }
    }
    await Promise.all(Array.from({length: WRITERS}, writer));
    if (!killed) throw new Error('the load ended before the kill');
    await killed;
    return acknowledged;
}

// Map from batch to the rows that the server has of it.
async function rowsPerBatch(client) {
    const found = new Map();
    await client.stream('/data/search/stream', {sources: [SOURCE], columns: ['batch', 'row']}, ({fields}) => {
        if (!found.has(fields.batch)) found.set(fields.batch, []);
        found.get(fields.batch).push(fields.row);
    });
    return found;
}

// What is wrong with the rows after the restart, as counts.
export function inspect(batches, acknowledged, found) {
    const result = {lost: 0, doubled: 0, halved: 0, rows: 0, unacknowledged: 0};
    for (const batch of batches) {
        const rows = found.get(batch.number) ?? [];
        const distinct = new Set(rows);
        result.rows += rows.length;
        result.doubled += rows.length - distinct.size;
        const missing = batch.documents.length - distinct.size;
        if (acknowledged.has(batch.number)) result.lost += missing;
        else if (distinct.size > 0) {
            result.unacknowledged++;
            if (missing > 0) result.halved++;
        }
    }
    return result;
}

async function sendAllAgain(client, batches, found) {
    let wrong = 0;
    for (let at = 0; at < batches.length; at += WRITERS) {
        await Promise.all(batches.slice(at, at + WRITERS).map(async (batch) => {
            const answer = await write(client, batch);
            if (answer.duplicate !== found.has(batch.number)) wrong++;
        }));
        progress(`${at} of ${batches.length} batches sent again`);
    }
    return wrong;
}

export async function killDuringLoad(client, server, oracle) {
    const batches = makeBatches();
    const acknowledged = await loadUntilKilled(client, server, batches);
    client.reconnect();
    await server.start();
    const found = await rowsPerBatch(client);
    const after = inspect(batches, acknowledged, found);
    const acknowledgedRows = [...acknowledged].reduce((sum, number) => sum + batches[number].documents.length, 0);
    say(`killed after ${acknowledged.size} acknowledged batches (${acknowledgedRows.toLocaleString('en')} rows), ` +
        `ready again after ${server.startedMs.toFixed(0)} ms`);
    say(`lost ${after.lost}, doubled ${after.doubled}, half batches ${after.halved}; ` +
        `${after.unacknowledged} batches had arrived whole without an answer`);

    const wrongDuplicates = await sendAllAgain(client, batches, found);
    const [expected] = await oracle.rows('SELECT count(*) n, sum(delay) delay, sum(distance) distance FROM delays');
    const {results: [total]} = await client.post('/data/aggregate', {sources: [SOURCE], aggregations: [
        {type: 'count', alias: 'n'}, {type: 'sum', column: 'delay', alias: 'delay'},
        {type: 'sum', column: 'distance', alias: 'distance'}]});
    const complete = ['n', 'delay', 'distance'].every((key) => BigInt(total[key]) === expected[key]);
    say(`everything sent again under the same keys: ${complete ? 'complete, nothing twice' : 'TOTALS DIFFER'}`);
    const good = after.lost + after.doubled + after.halved + wrongDuplicates === 0 && complete;
    return {...after, acknowledgedRows, wrongDuplicates, complete, good, readyMs: server.startedMs};
}
