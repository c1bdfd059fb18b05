using static TorchSharp.torch;

namespace Tuna.Llama.Distributed;

/// <summary>Sums and copies of tensors between the processes of a group. All members are collective; tensors are contiguous.</summary>
internal interface ITensorExchange : IDisposable
{
    /// <summary>Sums a Float32 tensor over all processes, in place.</summary>
    void Sum(Tensor values);

    /// <summary>Which part of a flat buffer is a rank's.</summary>
    int PartOf(int rank);

    /// <summary>Sums a Float32 buffer over all processes, in place: each receives its own part, and the rest means nothing
    /// afterwards.</summary>
    /// <param name="flat">[Size parts of equal length].</param>
    void ReduceScatter(Tensor flat);

    /// <summary>Gives every process the parts of all others, of any type, in place.</summary>
    /// <param name="flat">[Size parts of equal length, whole words of four bytes each].</param>
    void AllGather(Tensor flat);

    /// <summary>Gives every process one process's tensor, of any type, in place.</summary>
    void Broadcast(Tensor values, int root);
}
