// What the demo prints.
const isTerminal = process.stdout.isTTY === true;
const number = (value) => Math.round(value).toLocaleString('en');

// Clears a progress line, which stands only on terminals.
export function say(text) { process.stdout.write((isTerminal ? '\r\x1b[K' : '') + text + '\n'); }
export function progress(text) { if (isTerminal) process.stdout.write(`\r\x1b[K${text}`); }
export function heading(text) { say(`\n== ${text}`); }

export function sayLoad(load) {
    say(`${load.source.padEnd(12)} ${number(load.rows).padStart(10)} rows  ${load.seconds.toFixed(2).padStart(7)} s ` +
        `${number(load.rows / load.seconds).padStart(10)} rows/s ` +
        `${(load.bytes / 1e6 / load.seconds).toFixed(1).padStart(7)} MB/s  ${load.form}`);
}

export function sayAnswer(answer) {
    say(`${answer.difference ? 'DIFFERS' : 'equal  '} ${answer.title.padEnd(44)} ` +
        `${String(answer.rows).padStart(5)} rows ${answer.ms.toFixed(1).padStart(8)} ms ` +
        (answer.oracleMs === null ? '(the file itself)' : `(DuckDB on the file ${answer.oracleMs.toFixed(1)} ms)`));
    if (answer.difference) say(`        ${answer.difference}`);
}

// Returns whether all is well.
export function printSummary({loads, questions, stream, crash, again, seconds}) {
    const answers = [...questions, ...again];
    const equal = answers.filter((answer) => !answer.difference).length;
    const rows = loads.reduce((sum, load) => sum + load.rows, 0);
    const lines = [
        ['rows loaded', number(rows), 'each counted against its file'],
        ['answers equal', `${equal} of ${answers.length}`, 'compared with DuckDB on the original files'],
        ['rows streamed', number(stream.rows), stream.equal ? 'sums equal' : 'SUMS DIFFER'],
        ['rows acknowledged before the kill', number(crash.acknowledgedRows),
            `ready again in ${number(crash.readyMs)} ms`],
        ['of these lost', number(crash.lost), ''],
        ['rows doubled, batches halved', `${number(crash.doubled)}, ${number(crash.halved)}`, ''],
        ['sent again under the same keys', crash.complete ? 'complete' : 'DIFFERS',
            `${crash.wrongDuplicates} wrong answers`],
        ['seconds in all', seconds.toFixed(1), ''],
    ];
    const good = equal === answers.length && stream.equal && crash.good;
    heading(good ? 'summary: all is well' : 'summary: SOMETHING DIFFERS');
    const width = Math.max(...lines.map(([, value]) => value.length));
    for (const [name, value, remark] of lines) {
        say(`${name.padEnd(36)} ${value.padStart(width)}  ${remark}`.trimEnd());
    }
    return good;
}
