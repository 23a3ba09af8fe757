"""The method: plan, step and the loop over the stages."""
