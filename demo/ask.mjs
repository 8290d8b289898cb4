// Asks every question twice, here and of DuckDB, and compares.
import fs from 'node:fs';

import {canonical, firstDifference, flatten} from './compare.mjs';
import {dataFile} from './oracle.mjs';
import {questions} from './questions.mjs';
import {sayAnswer} from './report.mjs';

const rowsOf = (answer) => answer.records ? answer.records.map((record) => flatten(record.fields)) : answer.results;

async function ask(client, oracle, question) {
    let began = performance.now();
    const answer = await client.post(question.target, question.body);
    const ms = performance.now() - began;
    began = performance.now();
    const expected = await oracle.rows(question.sql);
    const oracleMs = performance.now() - began;
    if (expected.length === 0) throw new Error(`${question.title}: DuckDB finds nothing, so nothing is compared`);
    const difference = firstDifference(expected, rowsOf(answer));
    return {title: question.title, rows: expected.length, ms, oracleMs, difference, stats: answer.stats};
}

// Every document of a file as it was: nulls, lists, numbers in columns of text.
async function askDocuments(client, source, originals) {
    const began = performance.now();
    const answer = await client.post('/data/search', {sources: [source], limit: 10_000, include: ['document']});
    const ms = performance.now() - began;
    const wanted = originals.map(canonical).sort();
    const got = answer.records.map((record) => canonical(record.document)).sort();
    let difference = null;
    if (wanted.length !== got.length) difference = `${got.length} documents instead of ${wanted.length}`;
    const at = wanted.findIndex((text, index) => text !== got[index]);
    if (!difference && at >= 0) difference = `${got[at]} instead of ${wanted[at]}`.slice(0, 400);
    return {title: `${source}: each document as it was written`, rows: wanted.length, ms, oracleMs: null, difference};
}

export async function askAll(client, oracle) {
    const answers = [];
    for (const question of questions) {
        answers.push(await ask(client, oracle, question));
        sayAnswer(answers.at(-1));
    }
    const movies = JSON.parse(fs.readFileSync(dataFile('movies.json'), 'utf8'));
    const quakes = JSON.parse(fs.readFileSync(dataFile('earthquakes.json'), 'utf8')).features;
    for (const [source, originals] of [['movies', movies], ['earthquakes', quakes]]) {
        answers.push(await askDocuments(client, source, originals));
        sayAnswer(answers.at(-1));
    }
    return answers;
}
