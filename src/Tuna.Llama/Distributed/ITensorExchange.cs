using static TorchSharp.torch;

namespace Tuna.Llama.Distributed;

/// <summary>Sums and copies of tensors between the processes of a group. All members are collective; tensors are contiguous.</summary>
internal interface ITensorExchange : IDisposable
{
    /// <summary>Sums a Float32 tensor over all processes, in place.</summary>
    void Sum(Tensor values);

    /// <summary>Sums a Float32 tensor over all processes for one of them, in place; elsewhere it means nothing afterwards.</summary>
    void SumFor(int rank, Tensor values);

    /// <summary>Gives every process one process's tensor, of any type, in place.</summary>
    void Broadcast(Tensor values, int root);
}
