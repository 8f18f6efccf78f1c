## Messages of the link area. Keys start with the area or noun they speak of.

### Connections

link-refused = { $subject } refused the connection
link-refused-cause = The program there is not running, or listens on another port.
link-refused-action = Start it, and check the address and port.
link-unresolved = { $subject } cannot be found
link-unresolved-cause = The name is misspelt, or its name server does not answer.
link-unresolved-action = Check the address, and the name servers of this host.
link-timed-out = { $subject } did not answer in time
link-timed-out-cause = The network is slow or cut, or a firewall drops the packets.
link-timed-out-action = Check the network and the firewalls between the two. It is tried again by itself.
link-cut = The connection to { $subject } was cut
link-cut-cause = The network was interrupted, or the program at the other end has ended.
link-cut-action = Nothing needs to be done if it passes: it is made again by itself.
link-ended = { $subject } ended the session
link-ended-cause = It was stopped, or has a newer session.
link-ended-action = Nothing needs to be done: it is made again by itself.
link-ended-here = The session with { $subject } was ended here
link-ended-here-action = Nothing needs to be done.
link-turned-away = { $subject } turned this program away
link-turned-away-cause = It does not work with this one.
link-turned-away-action = Look at the reason above. A host may need to be enrolled again.
link-said-goodbye = the other side said goodbye
link-why-busy = it has too many connections
link-why-not-a-peer = it does not work with this host
link-why-wrong-party = it wants { $wanted }, and this is { $found }

### Certificates

link-wrong-certificate-ours = { $subject } does not accept this program's certificate
link-wrong-certificate-ours-cause = The two belong to different vaults.
link-wrong-certificate-ours-action = Enrol this host in the vault with a new registration key.
link-wrong-certificate-theirs = The certificate of { $subject } is not of this vault
link-wrong-certificate-theirs-cause = Another program answers at that address, or it belongs to another vault.
link-wrong-certificate-theirs-action = Check the address. If it is right, enrol the other host in this vault.
link-expired-ours = This program's certificate has expired
link-expired-ours-cause = It was not connected while its certificate should have been renewed, or the clock is wrong.
link-expired-ours-action = Check the clock. Then stop the agent, enrol this host again with a new registration key and start it: it keeps its items.
link-expired-theirs = The certificate of { $subject } has expired
link-expired-theirs-cause = It was not connected while its certificate should have been renewed, or a clock is wrong.
link-expired-theirs-action = Check the clocks of both. Then enrol the other host again with a new registration key: it keeps its items.
link-not-yet-valid = A certificate of { $subject } is not valid yet
link-not-yet-valid-cause = One of the two clocks is wrong.
link-not-yet-valid-action = Set both clocks.
link-revoked-ours = This program's certificate has been revoked
link-revoked-ours-cause = The server was removed from the vault.
link-revoked-ours-action = Enrol this host again, if it shall be part of the vault.
link-revoked-theirs = The certificate of { $subject } has been revoked
link-revoked-theirs-cause = The server was removed from the vault.
link-revoked-theirs-action = Enrol it again, if it shall be part of the vault.
link-no-certificate = { $subject } showed no certificate
link-no-certificate-cause = Another program answers at that address.
link-no-certificate-action = Check the address and port.
link-not-our-peer = { $subject } is not who should be there
link-not-our-peer-cause = { $wanted } was wanted, and { $found } answered.
link-not-our-peer-action = Check the address: two hosts may have exchanged theirs.
link-tls = No protected connection to { $subject } could be made
link-tls-cause = The other side does not speak TLS 1.3, or something between the two changes the bytes.
link-tls-action = Check the address and port, and devices between the two that open TLS.
link-credential = A certificate or key cannot be used: { $subject }
link-credential-cause = The file is damaged, or belongs to another program.
link-credential-action = Restore the file from a backup, or enrol again.
link-file = A protected file could not be used: { $subject }
link-file-cause = The disk is full or failing, or permissions have changed.
link-file-action = Look at the file and its folder.

### Conversation

link-version = { $subject } speaks another version
link-version-cause = One of the two programs is much older.
link-version-action = Bring both to the same version.
link-bad-frame = { $subject } sent something that cannot be understood
link-bad-frame-cause = Its version is another one, or it is not the program that should be there.
link-bad-frame-action = Bring both to the same version, and check the address.
link-unanswered = { $subject } gave no answer that can be used
link-unanswered-cause = Its version does not know what was asked.
link-unanswered-action = Bring both to the same version.
link-too-long = A message for { $subject } is too long
link-too-long-cause = Far more was to be said at once than makes sense.
link-too-long-action = This is a fault of the program. Please report it with the log.

### Proxies

link-proxy-credentials-missing = The proxy wants a user name and password
link-proxy-credentials-missing-cause = None are set for it.
link-proxy-credentials-missing-action = Put them into the agent's settings, under `proxy`.
link-proxy-credentials-wrong = The proxy did not accept the user name and password
link-proxy-credentials-wrong-cause = They are misspelt or have changed.
link-proxy-credentials-wrong-action = Correct them in the agent's settings, under `proxy`.
link-proxy-refused = The proxy refused the way to { $subject }
link-proxy-refused-cause = Its rules do not allow this address or port.
link-proxy-refused-action = Have the address and port allowed, or go without the proxy.

### Enrolment and registration keys

link-enrol-refused = The engine refused to enrol this host
link-enrol-refused-action = Make a new registration key in the console and use that one.
link-key-damaged = The registration key cannot be read
link-key-damaged-cause = The file is not a registration key, or was cut off or changed on its way.
link-key-damaged-action = Copy the key again as a whole, or make a new one.
link-key-tampered = The registration key has been changed
link-key-tampered-cause = Its content does not fit its seal.
link-key-tampered-action = Do not use it. Revoke it in the console and make a new one.
link-key-newer = The registration key is of a newer version
link-key-newer-cause = The vault's engine is newer than this agent.
link-key-newer-action = Update the agent.
link-key-expired = The registration key has expired
link-key-expired-cause = Keys are good for five days. If it is younger, this host's clock is wrong.
link-key-expired-action = Make a new registration key in the console.
link-key-not-yet = The registration key is from the future
link-key-not-yet-cause = This host's clock is behind.
link-key-not-yet-action = Set the clock and try again.
link-key-foreign = The registration key is of another vault
link-key-foreign-cause = This host is part of a vault already.
link-key-foreign-action = Use a key of that vault, or give the agent another data folder.
