"""A small real service to deploy: releases, migrations, traffic."""
