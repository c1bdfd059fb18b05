using System.Runtime.InteropServices;
using Tuna.Distributed;
using Tuna.Llama.Tensors.Cuda;
using static TorchSharp.torch;

namespace Tuna.Llama.Distributed;

/// <summary>From GPU to GPU by NCCL, in place, on the default stream: the one of libtorch's kernels, which orders it after them and before
/// the next.</summary>
/// <remarks>Sums have the order of NCCL's algorithm, the same on all ranks.</remarks>
internal sealed class NcclExchange : ITensorExchange
{
    private const nint DefaultStream = 0;

    private readonly NcclLibrary _nccl;
    private readonly nint _communicator;

    private readonly int _ranks;
    private readonly int _rank;

    private NcclExchange(NcclLibrary nccl, NcclUniqueId id, int ranks, int rank)
    {
        (_nccl, _ranks, _rank) = (nccl, ranks, rank);
        _communicator = nccl.Initialize(ranks, id, rank);
    }

    /// <summary>The exchange for a device: NCCL where all ranks are on GPUs and find it, otherwise through the processor's memory.
    /// Collective.</summary>
    public static ITensorExchange For(IProcessGroup group, Device device)
    {
        if (group.Size == 1)
            return new HostExchange(group);
        NcclLibrary? nccl = device.type == DeviceType.CUDA ? NcclLibrary.Find() : null;
        if (group.AllGather(nccl is null ? 0 : 1).Contains(0))
            return new HostExchange(group);
        if (device.index > 0)
            throw new ArgumentException(
                $"NCCL takes the process's first GPU, and the model is on {device}. Let each process see its own GPU alone "
                + $"(CUDA_VISIBLE_DEVICES), and open the model on cuda.");
        NcclUniqueId id = group.Rank == 0 ? nccl!.UniqueId() : default;
        group.Broadcast(MemoryMarshal.AsBytes(new Span<NcclUniqueId>(ref id)));
        return new NcclExchange(nccl!, id, group.Size, group.Rank);
    }

    public void Sum(Tensor values) => _nccl.AllReduce((nint)Argument.Of(values), values.numel(), _communicator, DefaultStream);

    public int PartOf(int rank) => rank;

    public void ReduceScatter(Tensor flat) =>
        _nccl.ReduceScatter((nint)Argument.Of(flat), flat.numel() / _ranks, _rank, _communicator, DefaultStream);

    public void AllGather(Tensor flat) =>
        _nccl.AllGather((nint)Argument.Of(flat), flat.numel() * flat.element_size() / _ranks, _rank, _communicator, DefaultStream);

    public void Broadcast(Tensor values, int root) =>
        _nccl.Broadcast((nint)Argument.Of(values), values.numel() * values.element_size(), root, _communicator, DefaultStream);

    public void Dispose() => _nccl.Destroy(_communicator);
}
