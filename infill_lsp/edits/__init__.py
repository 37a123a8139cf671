"""Edits on request: offered at a range (`plan`), made by the model (`resolve`) when one is chosen.

Nothing is imported here: a server must answer `initialize` before it needs to plan or resolve anything.
"""
