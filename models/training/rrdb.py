"""A small RRDB network (residual in residual dense blocks, the generator of ESRGAN), with the names of its usual files.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", 2018. Scale 4: two nearest doublings, each
followed by a convolution.
"""

import torch
import torch.nn.functional as F
from torch import nn

SCALE = 4
BLOCKS, FEATURES, GROWTH = 2, 24, 12
RESIDUAL = 0.2  # share of a block's output that is added to its input


def conv(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1)


@torch.no_grad()
def pass_on(layer, kernel):
    """Lets the first three channels, the colours, through a convolution: filtered by `kernel` [3, 3], and by nothing else."""
    layer.weight[:3].zero_()
    layer.bias[:3].zero_()
    layer.weight[range(3), range(3)] = kernel


def leaky(x):
    return F.leaky_relu(x, 0.2)


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees everything before it."""

    def __init__(self, features, growth):
        super().__init__()
        for i in range(1, 6):
            layer = conv(features + (i - 1) * growth, features if i == 5 else growth)
            nn.init.kaiming_normal_(layer.weight, 0.2)
            layer.weight.data.mul_(0.1)  # deep residual sums start near the identity
            nn.init.zeros_(layer.bias)
            self.add_module(f"conv{i}", layer)

    def forward(self, x):
        seen = x
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat([seen, leaky(layer(seen))], 1)
        return x + RESIDUAL * self.conv5(seen)


class Block(nn.Module):
    def __init__(self, features, growth):
        super().__init__()
        for i in range(1, 4):
            self.add_module(f"rdb{i}", DenseBlock(features, growth))

    def forward(self, x):
        return x + RESIDUAL * self.rdb3(self.rdb2(self.rdb1(x)))


class Rrdb(nn.Module):
    """Pictures [N, 3, H, W] in 0..1 to [N, 3, 4 H, 4 W]."""

    def __init__(self, blocks=BLOCKS, features=FEATURES, growth=GROWTH):
        super().__init__()
        self.conv_first = conv(3, features)
        self.body = nn.Sequential(*[Block(features, growth) for _ in range(blocks)])
        self.conv_body = conv(features, features)
        self.conv_up1, self.conv_up2, self.conv_hr = (conv(features, features) for _ in range(3))
        self.conv_last = conv(features, 3)
        self.lay_in()

    def lay_in(self):
        """Makes bilinear enlarging of a new network, to start from: a nearest doubling followed by 1 2 1 is a bilinear one.
        What is left of the training is to draw better than that."""
        here = torch.zeros(3, 3)
        here[1, 1] = 1
        smooth = torch.tensor([0.25, 0.5, 0.25])
        for layer in (self.conv_first, self.conv_hr, self.conv_last):
            pass_on(layer, here)
        for layer in (self.conv_up1, self.conv_up2):
            pass_on(layer, smooth[:, None] * smooth)
        self.conv_body.weight.data.mul_(0.1)

    def forward(self, x):
        x = self.conv_first(x)
        x = x + self.conv_body(self.body(x))
        for layer in (self.conv_up1, self.conv_up2):
            x = leaky(layer(F.interpolate(x, scale_factor=2, mode="nearest")))
        return self.conv_last(leaky(self.conv_hr(x)))
