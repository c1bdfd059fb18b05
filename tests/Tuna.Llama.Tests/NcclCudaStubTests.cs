using System.Diagnostics;
using System.Runtime.InteropServices;
using Tuna.Distributed;
using Tuna.Llama.Distributed;
using Tuna.Testing;

namespace Tuna.Llama.Tests;

/// <summary>The binding of NCCL against a small library in C with the declarations of nccl.h: what crosses, by value and by reference,
/// arrives as it was. Needs a C compiler, no GPU.</summary>
public sealed unsafe class NcclCudaStubTests : IDisposable
{
    // Sums become doubles of what was there, as of two ranks with the same numbers; each call checks what it is given.
    private const string Stub = """
        #include <stddef.h>
        #include <string.h>
        typedef struct { char internal[128]; } ncclUniqueId;
        typedef struct { int ranks, rank; } *ncclComm_t;
        typedef void *cudaStream_t;
        typedef int ncclResult_t, ncclDataType_t, ncclRedOp_t;
        static struct { int ranks, rank; } comm;
        int destroyed;
        ncclResult_t ncclGetVersion(int *version) { *version = 22304; return 0; }
        ncclResult_t ncclGetUniqueId(ncclUniqueId *id) { for (int i = 0; i < 128; i++) id->internal[i] = (char)(i * 3 + 1); return 0; }
        ncclResult_t ncclCommInitRank(ncclComm_t *out, int ranks, ncclUniqueId id, int rank) {
          for (int i = 0; i < 128; i++) if (id.internal[i] != (char)(i * 3 + 1)) return 4;
          comm.ranks = ranks; comm.rank = rank; *out = (ncclComm_t)&comm; return 0; }
        static int other(const void *s, void *r, ncclComm_t c, cudaStream_t stream) {
          return s != r || (void *)c != (void *)&comm || stream != 0; }
        ncclResult_t ncclAllReduce(const void *s, void *r, size_t n, ncclDataType_t t, ncclRedOp_t op, ncclComm_t c, cudaStream_t stream) {
          if (t != 7 || op != 0 || other(s, r, c, stream)) return 4;
          for (size_t i = 0; i < n; i++) ((float *)r)[i] *= 2; return 0; }
        // In place: the result lies at the rank's part of what is sent, or the other way round.
        ncclResult_t ncclReduceScatter(const void *s, void *r, size_t n, ncclDataType_t t, ncclRedOp_t op, ncclComm_t c,
            cudaStream_t stream) {
          if (t != 7 || op != 0 || other((const float *)s + comm.rank * n, r, c, stream)) return 4;
          for (size_t i = 0; i < n; i++) ((float *)r)[i] *= 3; return 0; }
        ncclResult_t ncclAllGather(const void *s, void *r, size_t n, ncclDataType_t t, ncclComm_t c, cudaStream_t stream) {
          if (t != 0 || other(s, (char *)r + comm.rank * n, c, stream)) return 4;
          for (int i = 0; i < comm.ranks; i++) memmove((char *)r + i * n, s, n); return 0; }
        ncclResult_t ncclBroadcast(const void *s, void *r, size_t n, ncclDataType_t t, int root, ncclComm_t c, cudaStream_t stream) {
          if (t != 0 || root != 1 || other(s, r, c, stream)) return 4;
          memset(r, 7, n); return 0; }
        ncclResult_t ncclCommDestroy(ncclComm_t c) { destroyed = (void *)c == (void *)&comm; return destroyed ? 0 : 4; }
        const char *ncclGetErrorString(ncclResult_t r) { return r == 4 ? "invalid argument" : "no error"; }
        const char *ncclGetLastError(ncclComm_t c) { return "the stub refused it."; }
        """;

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [SkippableFact]
    public void Calls_AgainstTheDeclarationsInC_ArriveAsTheyWere()
    {
        nint handle = NativeLibrary.Load(Compile());
        var nccl = new NcclLibrary(handle);
        Assert.Equal(22304, nccl.Version);
        NcclUniqueId id = nccl.UniqueId();
        Assert.Equal(NcclUniqueId.Bytes, sizeof(NcclUniqueId));
        nint communicator = nccl.Initialize(2, id, 1);
        float[] values = [1, 2, 3, 4];
        fixed (float* data = values)
        {
            nccl.AllReduce((nint)data, 3, communicator, 0);
            Assert.Equal([2, 4, 6, 4], values);
            nccl.ReduceScatter((nint)data, 2, 1, communicator, 0);
            Assert.Equal([2, 4, 18, 12], values);
            nccl.AllGather((nint)data, 8, 1, communicator, 0);
            Assert.Equal([18, 12, 18, 12], values);
            nccl.Broadcast((nint)data, 11, 1, communicator, 0);
            Assert.Equal(11, MemoryMarshal.AsBytes(values.AsSpan()).Count((byte)7));
            // What NCCL refuses is told in its words.
            string message = Assert.Throws<ProcessGroupException>(() => nccl.AllGather(0x1000, 2, 0, communicator, 0)).Message;
            Assert.Contains("invalid argument (code 4). the stub refused it.", message, StringComparison.Ordinal);
        }

        nccl.Destroy(communicator);
        Assert.Equal(1, *(int*)NativeLibrary.GetExport(handle, "destroyed"));
    }

    private string Compile()
    {
        File.WriteAllText(_temp["nccl.c"], Stub);
        try
        {
            using Process compiler = Process.Start(
                new ProcessStartInfo("gcc",
                ["-shared", "-fPIC", "-o", _temp["libnccl-stub.so"], _temp["nccl.c"]]) { RedirectStandardError = true })!;
            string errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            Assert.True(compiler.ExitCode == 0, errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Skip.If(true, "There is no gcc to compile the stub with.");
        }

        return _temp["libnccl-stub.so"];
    }
}
