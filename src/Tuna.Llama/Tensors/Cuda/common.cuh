// What all kernels share. T is the type that the model computes in: bf16 as its 16 bits (-DBF16), or float. Sums are in single precision.
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef NAN
#define NAN __int_as_float(0x7fffffff)
#endif

__device__ __forceinline__ float bf16_to_float(u16 x) { return __uint_as_float((u32)x << 16); }
__device__ __forceinline__ u16 float_to_bf16(float x)
{
    u32 bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return 0x7fc0; // NaN stays NaN
    return (u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

__device__ __forceinline__ float wide(u16 x) { return bf16_to_float(x); }
__device__ __forceinline__ float wide(float x) { return x; }

#ifdef BF16
typedef u16 T;
__device__ __forceinline__ T narrow(float x) { return float_to_bf16(x); }
#else
typedef float T;
__device__ __forceinline__ T narrow(float x) { return x; }
#endif

// V elements that are loaded at once; the host launches the variant of 8 where widths and addresses allow it.
template <typename E, int V> struct alignas(V == 8 ? 16 : sizeof(E)) Pack { E at[V]; };

__device__ __forceinline__ float warp_sum(float x)
{
    for (int step = 16; step > 0; step >>= 1)
        x += __shfl_xor_sync(0xffffffffu, x, step);
    return x;
}

__device__ __forceinline__ float warp_max(float x)
{
    for (int step = 16; step > 0; step >>= 1)
        x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
    return x;
}

// Sum over a block of at most 1024 threads, whole warps; every thread receives it.
__device__ __forceinline__ float block_sum(float x)
{
    __shared__ float parts[32];
    x = warp_sum(x);
    __syncthreads(); // the last use of parts is over
    if ((threadIdx.x & 31) == 0)
        parts[threadIdx.x >> 5] = x;
    __syncthreads();
    float total = 0;
    for (int w = 0; w < (int)(blockDim.x >> 5); w++)
        total += parts[w];
    return total;
}

__device__ __forceinline__ float block_max(float x)
{
    __shared__ float parts[32];
    x = warp_max(x);
    __syncthreads();
    if ((threadIdx.x & 31) == 0)
        parts[threadIdx.x >> 5] = x;
    __syncthreads();
    float largest = parts[0];
    for (int w = 1; w < (int)(blockDim.x >> 5); w++)
        largest = fmaxf(largest, parts[w]);
    return largest;
}
