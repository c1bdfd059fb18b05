using System.Diagnostics;
using System.Globalization;
using Tuna.Llama;

namespace FineTuneLlama;

/// <summary>What the process has taken since this was made, against what was estimated.</summary>
internal sealed class MemoryUse
{
    private readonly long _before = Process.GetCurrentProcess().WorkingSet64;

    public string Compare(MemoryEstimate estimate, string device)
    {
        string estimated = string.Create(CultureInfo.InvariantCulture, $"estimated {estimate.Total / 1e9:0.00} GB");
        if (device != "cpu")
            return estimated + " on the GPU; TorchSharp has no statistics of a GPU's memory: compare with nvidia-smi while it runs";
        long taken = Process.GetCurrentProcess().PeakWorkingSet64 - _before;
        return estimated + string.Create(CultureInfo.InvariantCulture, $", taken {taken / 1e9:0.00} GB (libtorch itself, what the allocator keeps, and .NET included)");
    }
}
