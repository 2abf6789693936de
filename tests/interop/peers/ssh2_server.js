// The server of npm's ssh2 as a peer: forwards TCP, lets the user in by every method that it has.
//
// usage: ssh2_server.js DIRECTORY REKEY_BYTES
// peer.py says what is in DIRECTORY, and reads the line that tells the port. ssh2 brings the
// protocol; connecting to the target is up to the application, which is this file.
'use strict';

const fs = require('fs');
const net = require('net');
const path = require('path');
const { Server, utils } = require('ssh2');
const constants = require('ssh2/lib/protocol/constants.js');

const PASSWORD = 'correct horse';
const [directory, rekeyBytes] = [process.argv[2], Number(process.argv[3])];
const authorized = fs.readFileSync(path.join(directory, 'authorized_keys'), 'utf8').trim()
    .split('\n').map((line) => utils.parseKey(line));

function authenticate(context) {
    const methods = ['publickey', 'password', 'keyboard-interactive'];
    if (context.method === 'publickey') {
        const key = authorized.find((each) => each.getPublicSSH().equals(context.key.data));
        const proves = key && (!context.signature ||
            key.verify(context.blob, context.signature, context.hashAlgo) === true);
        return proves ? context.accept() : context.reject(methods);
    }
    if (context.method === 'password') {
        return context.password === PASSWORD ? context.accept() : context.reject(methods);
    }
    if (context.method === 'keyboard-interactive') {
        return context.prompt([{ prompt: 'Password: ', echo: false }], (answers) =>
            answers.length === 1 && answers[0] === PASSWORD ? context.accept()
                : context.reject(methods));
    }
    return context.reject(methods);
}

function serve(client) {
    let passed = 0;
    const count = (data) => {
        passed += data.length;
        if (rekeyBytes && passed >= rekeyBytes) {
            passed = 0;
            client.rekey();
        }
    };
    client.on('authentication', authenticate);
    client.on('tcpip', (accept, reject, info) => {
        const target = net.connect({ host: info.destIP, port: info.destPort,
            allowHalfOpen: true, noDelay: true });
        target.on('error', () => {});
        target.once('error', reject);
        target.once('connect', () => {
            target.removeListener('error', reject);
            forward(accept(), target, count);
        });
    });
    client.on('error', (error) => console.error('connection:', error.message));
}

// Both directions, to the end of both. A channel that is piped into would be closed as soon as the
// target has finished, because end() of a server's channel closes it.
function forward(channel, target, count) {
    let open = 2;
    const finished = () => {
        open -= 1;
        if (open === 0) {
            channel.close();
        }
    };
    channel.on('data', count);
    target.on('data', count);
    channel.pipe(target);
    target.pipe(channel, { end: false });
    target.on('end', () => {
        // eof() overtakes what waits for the window; the end of a last write does not.
        channel.write(Buffer.alloc(0), () => {
            channel.eof();
            finished();
        });
    });
    target.on('finish', finished);
    target.on('error', () => channel.close());
    channel.on('close', () => target.destroy());
}

const server = new Server({
    hostKeys: fs.readdirSync(directory).filter((name) => /^host_key_[a-z0-9]+$/.test(name))
        .map((name) => fs.readFileSync(path.join(directory, name))),
    algorithms: {
        // "Group exchange not implemented for server", and SHA-1 is nobody's wish.
        kex: constants.SUPPORTED_KEX.filter((name) => !/group-exchange|sha1$/.test(name)),
        cipher: constants.SUPPORTED_CIPHER,
        hmac: constants.SUPPORTED_MAC,
    },
}, serve);
server.listen(0, '127.0.0.1', () => console.log('listening on', server.address().port));
