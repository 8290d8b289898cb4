// The server that the demo starts, kills and starts again: build/release/insula on free ports.
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const BINARY = process.env.INSULA_BINARY ?? path.join(ROOT, 'build/release/insula');
const DEFAULT_PORTS = [8000, 8080, 8081, 8082, 8083, 8084, 9000, 9001, 9090, 50051];
const OFFSET_MAX = 15_484;
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;
const EXIT_PORT_IN_USE = 4;
const START_ATTEMPTS = 5;

function canListen(port) {
    return new Promise((resolve) => {
        const probe = net.createServer();
        probe.once('error', () => resolve(false));
        probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
}

async function freePortOffset() {
    for (let attempt = 0; attempt < 200; attempt++) {
        const offset = 100 + Math.floor(Math.random() * (OFFSET_MAX - 100));
        const free = await Promise.all(DEFAULT_PORTS.map((port) => canListen(port + offset)));
        if (free.every(Boolean)) return offset;
    }
    throw new Error('no offset with free ports was found');
}

export class Server {
    #child = null;
    #offset = 0;
    #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'insula-demo-'));
    startedMs = 0;

    get port() { return 8000 + this.#offset; }
    get #log() { return path.join(this.#directory, 'log'); }

    async start() {
        if (!fs.existsSync(BINARY)) throw new Error(`${BINARY} does not exist: run make build`);
        for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
            this.#offset = await freePortOffset();
            if (await this.#startOnce()) return;
        }
        throw new Error(`no free ports in ${START_ATTEMPTS} attempts`);
    }

    // False where another program took a port between our look and the start.
    async #startOnce() {
        const began = performance.now();
        const log = fs.openSync(this.#log, 'a');
        const environment = Object.fromEntries(
            Object.entries(process.env).filter(([name]) => !name.startsWith('INSULA_')));
        this.#child = spawn(BINARY,
            ['serve', '--dev', '--data-dir', path.join(this.#directory, 'data'), '--port-offset', String(this.#offset)],
            {cwd: this.#directory, env: environment, stdio: ['ignore', log, log]});
        fs.closeSync(log);
        this.#child.once('error', () => {});  // shows as an exit below
        while (performance.now() - began < READY_MS_MAX) {
            if (this.#child.exitCode === EXIT_PORT_IN_USE) return false;
            if (this.hasEnded()) throw new Error('the server ended at its start');
            if (await this.#isHealthy()) {
                this.startedMs = performance.now() - began;
                return true;
            }
            await delay(10);
        }
        throw new Error(`the server is not ready after ${READY_MS_MAX} ms`);
    }

    hasEnded() {
        return this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null;
    }

    #isHealthy() {
        return new Promise((resolve) => {
            const request = http.get({host: '127.0.0.1', port: this.port, path: '/health', timeout: 2000}, (answer) => {
                answer.resume();
                answer.once('end', () => resolve(answer.statusCode === 200));
                answer.once('error', () => resolve(false));
            });
            request.once('error', () => resolve(false));
            request.once('timeout', () => request.destroy());
        });
    }

    #ended() {
        if (this.hasEnded()) return Promise.resolve();
        return new Promise((resolve) => this.#child.once('exit', resolve));
    }

    // SIGKILL: no handler runs, nothing is flushed by the program.
    async kill() {
        const ended = this.#ended();
        this.#child.kill('SIGKILL');
        await ended;
    }

    // SIGTERM; returns how long it took.
    async stop() {
        const began = performance.now();
        const ended = this.#ended();
        this.#child.kill('SIGTERM');
        const giveUp = delay(STOP_MS_MAX, 'late', {ref: false});
        if (await Promise.race([ended, giveUp]) === 'late') throw new Error('the server does not stop after SIGTERM');
        if (this.#child.exitCode !== 0) throw new Error(`the server stopped with exit code ${this.#child.exitCode}`);
        return performance.now() - began;
    }

    logTail() {
        if (!fs.existsSync(this.#log)) return '';
        const lines = fs.readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-20);
        return ['the server\'s log ends with:', ...lines].join('\n');
    }

    cleanUp(keep) {
        if (!this.hasEnded()) this.#child.kill('SIGKILL');
        if (keep) process.stdout.write(`kept: ${this.#directory}\n`);
        else fs.rmSync(this.#directory, {recursive: true, force: true});
    }
}
