#!/bin/sh
# The machine of the example's shop: its first release runs, and a deployer lives beside it.
#
# After a restart of the container it is the first release again, whatever was deployed since. The
# record then says otherwise, and goaround's next pre-flight says that the two differ.
set -eu
state=/var/lib/shop
# What a killed container left behind is no process of this one.
python -m goaround_shop down --state "$state"
python -m goaround_shop migrate upgrade --release 1.0.0
python -m goaround_shop release 1.0.0 --state "$state" --host 0.0.0.0 --port 8080
# The database's address stays with the release tool: the deployer has no business with it.
unset SHOP_DATABASE
exec goaround-deployer
