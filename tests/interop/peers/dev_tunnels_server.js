// The server of @microsoft/dev-tunnels-ssh as a peer: its own forwarding of TCP, and every method of
// letting a user in that it has.
//
// usage: dev_tunnels_server.js DIRECTORY REKEY_BYTES
// peer.py says what is in DIRECTORY, and reads the line that tells the port. This server makes its
// host keys itself, and writes their public halves to DIRECTORY/host_key_*.pub.
'use strict';

const fs = require('fs');
const path = require('path');
const ssh = require('@microsoft/dev-tunnels-ssh');
const tcp = require('@microsoft/dev-tunnels-ssh-tcp');

const PASSWORD = 'correct horse';
const [directory, rekeyBytes] = [process.argv[2], Number(process.argv[3])];
const authorized = fs.readFileSync(path.join(directory, 'authorized_keys'), 'utf8').trim()
    .split('\n').map((line) => Buffer.from(line.split(' ')[1], 'base64'));

async function authenticate(args) {
    const kinds = ssh.SshAuthenticationType;
    const yes = {};
    switch (args.authenticationType) {
    case kinds.clientPublicKeyQuery:
    case kinds.clientPublicKey: {
        const blob = await args.publicKey.getPublicKeyBytes();
        return authorized.some((each) => each.equals(blob)) ? yes : null;
    }
    case kinds.clientPassword:
        return args.password === PASSWORD ? yes : null;
    case kinds.clientInteractive:
        if (!args.infoResponse) {
            args.infoRequest = new ssh.AuthenticationInfoRequestMessage();
            args.infoRequest.prompts = [{ prompt: 'Password: ', echo: false }];
            return null;
        }
        return args.infoResponse.responses[0] === PASSWORD ? yes : null;
    default:
        return null;
    }
}

async function main() {
    const config = new ssh.SshSessionConfiguration();
    config.addService(tcp.PortForwardingService);
    const all = ssh.SshAlgorithms;
    const add = (list, spoken) => {
        list.splice(0, list.length, ...Object.values(spoken).filter((each) => each !== null));
    };
    add(config.keyExchangeAlgorithms, all.keyExchange);
    add(config.publicKeyAlgorithms, all.publicKey);
    add(config.encryptionAlgorithms, all.encryption);
    add(config.hmacAlgorithms, all.hmac);
    if (rekeyBytes) {
        config.keyRotationThreshold = rekeyBytes;
    }

    const server = new tcp.SshServer(config);
    const made = {
        rsa: all.publicKey.rsaWithSha512,
        ecdsa256: all.publicKey.ecdsaSha2Nistp256,
        ecdsa384: all.publicKey.ecdsaSha2Nistp384,
        ecdsa521: all.publicKey.ecdsaSha2Nistp521,
    };
    for (const [name, algorithm] of Object.entries(made)) {
        const key = await algorithm.generateKeyPair();
        server.credentials.publicKeys.push(key);
        const type = name === 'rsa' ? 'ssh-rsa' : key.keyAlgorithmName;
        const blob = await key.getPublicKeyBytes(type);
        fs.writeFileSync(path.join(directory, `host_key_${name}.pub`),
            `${type} ${blob.toString('base64')} made\n`);
    }
    server.onSessionOpened((session) => {
        session.onAuthenticating((args) => {
            args.authenticationPromise = authenticate(args);
        });
    });
    server.onError((error) => console.error('connection:', error.message));
    await server.acceptSessions(0, '127.0.0.1');
    console.log('listening on', server.tcpListener.address().port);
}

main();
