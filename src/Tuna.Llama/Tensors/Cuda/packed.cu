// Weights in 4 bits: Tensors/Nf4Codes.cs has the levels and the reference. A thread unpacks V numbers of one block of 64; the first of two
// is in the upper half of a byte.
// levels: 16 of the numbers, then 256 of their magnitudes, which are less their mean. The operations are those of the reference, each
// rounded by itself: the results are the same bits.
template <int V> __device__ void unpack_nf4(const u8* codes, const u8* magnitudes, const float* scales, float mean, const float* levels,
    T* out, long long n)
{
    __shared__ float table[16];
    if (threadIdx.x < 16)
        table[threadIdx.x] = levels[threadIdx.x];
    __syncthreads();
    long long first = ((long long)blockIdx.x * blockDim.x + threadIdx.x) * V;
    if (first >= n)
        return;
    long long block = first / 64;
    float magnitude = __fadd_rn(__fmul_rn(levels[16 + magnitudes[block]], scales[block / 256]), mean);
    Pack<T, V> result;
    for (int j = 0; j < V; j++) {
        u8 two = codes[(first + j) / 2];
        result.at[j] = narrow(__fmul_rn(table[(first + j) % 2 == 0 ? two >> 4 : two & 15], magnitude));
    }
    ((Pack<T, V>*)(out + first))[0] = result;
}
extern "C" __global__ void unpack_nf4_8(const u8* codes, const u8* magnitudes, const float* scales, float mean, const float* levels,
    T* out, long long n)
    { unpack_nf4<8>(codes, magnitudes, scales, mean, levels, out, n); }
extern "C" __global__ void unpack_nf4_1(const u8* codes, const u8* magnitudes, const float* scales, float mean, const float* levels,
    T* out, long long n)
    { unpack_nf4<1>(codes, magnitudes, scales, mean, levels, out, n); }
