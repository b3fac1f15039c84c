#!/usr/bin/python3
"""load_domain.py DOMAIN LDIF   adds every entry of LDIF but its base to the stopped domain in the folder DOMAIN.

Straight into sam.ldb: no LDAP, no access checks, no waiting for the disk, ldb's batch mode and many entries a
transaction. The entries keep the objectGUIDs of the file, so that a ledger written for the file holds for the domain."""
import sys

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

BATCH = 1000
# What only the directory writes, and what the file says of it is of no use there.
LEFT_OUT = ["pwdLastSet"]

folder, path = sys.argv[1:]
settings = LoadParm()
settings.load(folder + "/smb.conf")
domain = SamDB(url=folder + "/private/sam.ldb", lp=settings, session_info=system_session(settings),
               options=["batch_mode:1"], flags=ldb.FLG_NOSYNC)
base = domain.get_default_basedn()

with open(path, encoding="utf-8") as file:
    text = file.read().removeprefix("version: 1\n")

# Links are added when what they lead to is there.
entries, links = [], []
for _, entry in domain.parse_ldif(text):
    if entry.dn == base:
        continue
    for name in LEFT_OUT:
        entry.remove(name)
    link = ldb.Message(entry.dn)
    for name in ("member", "manager"):
        if name in entry:
            link[name] = ldb.MessageElement(list(entry[name]), ldb.FLAG_MOD_ADD, name)
            entry.remove(name)
    entries.append(entry)
    if len(link):
        links.append(link)

done = 0
domain.transaction_start()
for write, messages in ((lambda m: domain.add(m, controls=["relax:0"]), entries), (domain.modify, links)):
    for message in messages:
        write(message)
        done += 1
        if done % BATCH == 0:
            domain.transaction_commit()
            domain.transaction_start()
domain.transaction_commit()
print(f"{len(entries)} entries, {len(links)} of them with links")
