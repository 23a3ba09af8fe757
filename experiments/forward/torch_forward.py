"""One network in PyTorch, ready to be timed."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
import torch_networks


class TorchForward:
  """The forward pass of a network with given weights on fixed inputs."""

  def __init__(
    self,
    network: str,
    settings: Mapping[str, object],
    state: Mapping[str, np.ndarray],
    *,
    accelerator: bool = False,
    dtype: str = 'float32',
  ) -> None:
    """Builds the network and loads its weights.

    Args:
      network: a key of `torch_networks.NETWORKS`.
      settings: its keyword arguments.
      state: arrays by PyTorch's names, exactly those of the network.
      accelerator: run on the GPU if PyTorch has one.
      dtype: 'float32' or 'bfloat16', of the computation.
    """
    cuda = accelerator and torch.cuda.is_available()
    self._device = torch.device('cuda' if cuda else 'cpu')
    # Mixed precision, as here: weights and normalisation stay float32.
    self._mixed = dtype == 'bfloat16'
    module = torch_networks.NETWORKS[network](**settings)
    module.load_state_dict(
      {name: torch.from_numpy(array) for name, array in state.items()}
    )
    self._module = module.eval().to(self._device)
    self._input = torch.empty(0)

  def place(self, *maps: np.ndarray) -> None:
    """Puts the inputs [B,h,w,C] on the device, concatenated and as NCHW."""
    joined = np.concatenate(maps, axis=-1).transpose(0, 3, 1, 2)
    tensor = torch.from_numpy(np.ascontiguousarray(joined))
    self._input = tensor.to(self._device)

  def run(self) -> Tensor:
    """Computes the logits, and waits for them."""
    with (
      torch.inference_mode(),
      torch.autocast(
        self._device.type, dtype=torch.bfloat16, enabled=self._mixed
      ),
    ):
      logits = self._module(self._input)
    if self._device.type == 'cuda':
      torch.cuda.synchronize()
    return logits

  def logits(self) -> np.ndarray:
    """Returns the logits: float32 [B,h,w,C]."""
    return self.run().float().cpu().numpy().transpose(0, 2, 3, 1)


def place_and_threads(accelerator: bool) -> tuple[str, int]:
  """Returns where PyTorch computes, and its threads.

  Args:
    accelerator: whether a GPU is wanted.
  """
  if accelerator and torch.cuda.is_available():
    return torch.cuda.get_device_name(), torch.get_num_threads()
  return 'cpu', torch.get_num_threads()


def version() -> str:
  """Returns PyTorch's version."""
  return str(torch.__version__)
