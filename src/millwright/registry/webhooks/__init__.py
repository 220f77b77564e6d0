"""Webhooks: other systems are told when models, versions, aliases and prompts change.

What happened and whom to tell are written in the transaction of the change itself; a controller
delivers, again and again until it is taken, signed as MLflow signs. A receiver sees each delivery at
least once, under one id.
"""
