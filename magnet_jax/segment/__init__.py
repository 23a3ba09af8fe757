"""The method: plan, step and loop over the stages."""
