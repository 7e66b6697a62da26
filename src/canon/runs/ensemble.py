"""The run folder of an ensemble: an ordinary run with members."""

import re
from dataclasses import replace

from torch import nn

from canon.inference.ensemble import Ensemble, ResizeAndNormalize
from canon.models import build
from canon.runs.folder import Run
from canon.weights import load_exact

MODEL = "ensemble"  # in place of a registered name


class EnsembleRun(Run):
    """A run whose network is the weighted mean of its members' probabilities."""

    def network(self) -> nn.Module:
        """The ensemble with its members' weights, on the CPU."""
        nets, members = [], self.record.members
        for member in members:
            prep = member.preprocessing
            sides = prep.stored, prep.inner, prep.border
            fit = ResizeAndNormalize(*sides, prep.mean, prep.std)
            nets.append(nn.Sequential(fit, build(member.model, **member.model_args)))
        net = Ensemble(nets, [member.weight for member in members])
        saved = self.checkpoint()
        state = {re.sub(r"^(members\.\d+)\.", r"\1.1.", k): v for k, v in saved.state.items()}
        load_exact(net, self.model, replace(saved, state=state))
        return net
