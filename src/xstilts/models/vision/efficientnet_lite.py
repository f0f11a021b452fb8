"""EfficientNet-Lite0, with the names of tensors of its PyTorch weights.

Source: Tan and Le (2019, arXiv 1905.11946) and the Lite variants of
github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite: no squeeze-and-excitation,
ReLU6 for swish, a stem and head of fixed width. Padding is TensorFlow's SAME: where it is uneven,
the further row and column are below and to the right.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-3
STEM, WIDTH, CLASSES = 32, 1280, 1000
SIZE = 224
"""Height and width of its images."""


class BlockGroup(NamedTuple):
    """Blocks of one kind: the first has the stride, and changes the width."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    width: int


GROUPS = (
    BlockGroup(1, 3, 1, 1, 16),
    BlockGroup(2, 3, 2, 6, 24),
    BlockGroup(2, 5, 2, 6, 40),
    BlockGroup(3, 3, 2, 6, 80),
    BlockGroup(3, 5, 1, 6, 112),
    BlockGroup(4, 5, 2, 6, 192),
    BlockGroup(1, 3, 1, 6, 320),
)


class SameConv2d(nn.Conv2d):
    """A convolution without bias and with SAME padding."""

    def __init__(self, inner: int, outer: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inner, outer, kernel, stride, groups=groups, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """[b, c, h, w] → [b, d, h / stride, w / stride], rounded up."""
        padding: list[int] = []
        for size in (images.shape[-1], images.shape[-2]):
            kernel, stride = self.kernel_size[0], self.stride[0]
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(images, padding))


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=EPSILON)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and projection, added to the input if it has their shape."""

    def __init__(self, width: int, kernel: int, stride: int, expansion: int, outer: int) -> None:
        super().__init__()
        inner = width * expansion
        self.expands, self.adds = expansion > 1, stride == 1 and width == outer
        if self.expands:
            self._expand_conv, self._bn0 = SameConv2d(width, inner, 1), _norm(inner)
        self._depthwise_conv = SameConv2d(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv, self._bn2 = SameConv2d(inner, outer, 1), _norm(outer)

    def forward(self, images: Tensor) -> Tensor:
        """[b, c, h, w] → [b, d, h / stride, w / stride]."""
        states = images
        if self.expands:
            states = functional.relu6(self._bn0(self._expand_conv(states)))
        states = functional.relu6(self._bn1(self._depthwise_conv(states)))
        states = cast(Tensor, self._bn2(self._project_conv(states)))
        return images + states if self.adds else states


class EfficientNetLite0(nn.Module):
    """The network, with its ImageNet classifier."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv2d(3, STEM, 3, 2), _norm(STEM)
        blocks, width = [], STEM
        for group in GROUPS:
            for number in range(group.repeats):
                stride = group.stride if number == 0 else 1
                block = InvertedResidual(width, group.kernel, stride, group.expansion, group.width)
                blocks.append(block)
                width = group.width
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = SameConv2d(width, WIDTH, 1), _norm(WIDTH)
        self._fc = nn.Linear(WIDTH, CLASSES)

    def grid(self, images: Tensor) -> Tensor:
        """[b, 3, 224, 224] → [b, 1280, 7, 7] the states of the last convolution."""
        states = functional.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            states = block(states)
        return functional.relu6(cast(Tensor, self._bn1(self._conv_head(states))))

    def forward(self, images: Tensor) -> Tensor:
        """[b, 3, 224, 224] → [b, 1000] logits of the ImageNet classes."""
        return cast(Tensor, self._fc(torch.mean(self.grid(images), dim=(2, 3))))
