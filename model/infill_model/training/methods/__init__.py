"""Methods of text diffusion that the product does not use, each built small and judged on the same held-out gaps.

Nothing else imports from here.
"""
